"""Arguments of the commands that make data to try readers on, this one or others: verify, sample-data, demo, kit …"""

from __future__ import annotations

from .shared import Commands, Parser, existing_options, fail_on_option, json_option


def _add_demo(commands: Commands, common: Parser) -> None:
    parser = commands.add_parser(
        "demo", parents=[existing_options(), common], help="the whole job on files that are installed anyway"
    )
    parser.add_argument("folder", nargs="?", metavar="DIR", default="dicom-reg-inspector-demo")


def _add_sample_data(commands: Commands, common: Parser) -> None:
    parser = commands.add_parser(
        "sample-data",
        parents=[existing_options(), common],
        help="make DICOM files to try the other commands on",
        description="Make synthetic DICOM files, about 5 MB, the same each time, without a network: an irregular head "
        "CT, and two chest CTs with a deformable registration between them, once right and once in voxels.",
    )
    parser.add_argument(
        "folder",
        nargs="?",
        metavar="DIR",
        default="dicom-reg-inspector-samples",
        help="a new folder (default: dicom-reg-inspector-samples)",
    )


def _add_verify(commands: Commands, common: Parser) -> None:
    parser = commands.add_parser(
        "verify",
        parents=[json_option(), common],
        help="check the quality report by a phantom whose every number is known",
        description="Make a phantom (images, structures, landmarks and registrations from formulas), run the whole "
        "quality report on it, and compare each number with its closed form. Exit code 1 when one is off by more than "
        "0.1 %%.",
    )
    parser.add_argument(
        "folder",
        nargs="?",
        metavar="DIR",
        help="where the phantom is made and left; one that is there is used as it is (default: a temporary folder)",
    )


def _add_kit(commands: Commands, common: Parser) -> None:
    parser = commands.add_parser(
        "kit",
        parents=[existing_options(), common],
        help="write registration objects with known answers, to judge a reader by",
        description="Write the conformance kit, about 5 MB, the same each time: Spatial Registration, Deformable "
        "Spatial Registration and Spatial Fiducials objects, CT series to load with them, answers.csv with where "
        "points go, template.csv for a reader's answers, and kit.html to follow by hand where only pictures are shown.",
    )
    parser.add_argument("folder", metavar="DIR", help="a new folder")


def _add_kit_score(commands: Commands, common: Parser) -> None:
    parser = commands.add_parser(
        "kit-score",
        parents=[
            json_option(),
            fail_on_option("never", "an object was misread, which is an error, or refused, which is a warning"),
            common,
        ],
        help="say what a reader's answers to the kit show: right, or misread how",
        description="Compare a reader's answers with the right ones and with those of every known misreading, and name "
        "it object by object. An object without answers was refused.",
    )
    parser.add_argument("folder", metavar="DIR", help="the kit")
    parser.add_argument("answers", metavar="ANSWERS", help="CSV in the form of the kit's template.csv")
    parser.add_argument(
        "--tolerance",
        type=float,
        default=0.05,
        metavar="MM",
        help="how far a right answer may be off (default: 0.05)",
    )


TRYING = (_add_verify, _add_sample_data, _add_demo, _add_kit, _add_kit_score)
"""In the order in which help lists them."""
