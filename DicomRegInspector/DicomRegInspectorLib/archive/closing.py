"""What can be said only when all studies are there: frames of reference that lie in another study."""

from __future__ import annotations

from .store import Store

_ELSEWHERE = """
UPDATE findings SET frame_in_study = coalesce((
  SELECT min(sets.study_instance_uid) FROM sets
  WHERE sets.frame_of_reference_uid = json_extract(findings.evidence, '$.frame_of_reference_uid')
    AND sets.is_localizer = 0
    AND (sets.source, sets.study_instance_uid) <> (findings.source, findings.study_instance_uid)), '')
WHERE code = 'reg-frame-unknown'
"""
_SEVERITY = """
UPDATE findings SET severity = CASE frame_in_study WHEN '' THEN 'warning' ELSE 'info' END
WHERE code = 'reg-frame-unknown'
"""
_STUDIES = "source = {0}.source AND study_instance_uid = {0}.study_instance_uid"
_OF_REGISTRATION = " AND sop_instance_uid = {0}.sop_instance_uid AND copy = {0}.copy"
_WORST = "CASE WHEN errors > 0 THEN 'error' WHEN warnings > 0 THEN 'warning' WHEN infos > 0 THEN 'info' ELSE '' END"


def close_studies(store: Store) -> None:
    """Take back that no image has a registration's frame where another study of the archive has some.

    A registration is judged by the images of its own study; that its images lie in another one is no fault of it. The
    finding stays, at severity info, and names that study. What is counted of findings is counted again. Done anew after
    each run, so that it does not matter in which order studies came.
    """
    with store.transaction() as database:
        database.execute(_ELSEWHERE)
        database.execute(_SEVERITY)
        touched = "(SELECT source, study_instance_uid FROM findings WHERE code = 'reg-frame-unknown')"
        for table, where in (("studies", _STUDIES), ("registrations", _STUDIES + _OF_REGISTRATION)):
            counts = ", ".join(
                f"{severity}s = (SELECT count(*) FROM findings WHERE {where.format(table)} AND severity = '{severity}')"
                for severity in ("error", "warning", "info")
            )
            database.execute(f"UPDATE {table} SET {counts} WHERE (source, study_instance_uid) IN {touched}")
            database.execute(f"UPDATE {table} SET worst = {_WORST} WHERE (source, study_instance_uid) IN {touched}")
