"""Finding codes of what landmarks of both frames say of a registration."""

from __future__ import annotations

from .code_info import CodeInfo

_ERRORS = (
    "Each landmark of the registered frame is mapped (Equation C.20.3-1, PS3.3 C.20.3.1.1, or the matrix of C.20.2), "
    "and its distance from the landmark of the same name in the source frame taken."
)
_LANDMARKS = {
    "landmarks": "pairs of landmarks",
    "undefined": "how many of them lie where the registration says nothing",
    "before_mean_mm": "mean distance of all pairs without the registration",
    "mean_mm": "mean distance with it, where it says something",
    "max_mm": "largest such distance",
}

LANDMARK_CODES: dict[str, CodeInfo] = {
    "reg-landmarks-off": CodeInfo(
        "Landmarks are farther off than tolerated",
        "Look at the landmarks named: register again, or do not rely on the registration where they lie.",
        "The registration does not bring landmarks together as closely as it has to. Structures and doses that are "
        "carried over by it come to lie as far off.",
        f"{_ERRORS} The mean may be 2 mm and the largest 5 mm, as AAPM TG-132 (Brock et al., Med Phys 44(7), 2017) "
        "asks of the landmarks of a deformable registration, unless other tolerances are given.",
        ("error",),
        ("quality",),
        {
            **_LANDMARKS,
            "tolerance_mean_mm": "mean distance that is tolerated",
            "tolerance_max_mm": "largest distance that is tolerated",
            "farthest": "names of the landmarks that are farther off than the largest, the farthest first, 20 at most",
        },
        ("reg-landmarks-worse", "reg-landmarks-undefined"),
    ),
    "reg-landmarks-worse": CodeInfo(
        "Landmarks are farther apart with the registration than without",
        "Check that the registration is of these images and is read the way it was meant, before it is used.",
        "The registration moves landmarks away from where they belong. It may be of other images, lead the other way, "
        "or be read otherwise than it was meant; or the landmarks are of other images.",
        f"{_ERRORS} Told when the mean is larger than that without the registration by more than 0.5 mm, over the "
        "landmarks where the registration says something.",
        ("error",),
        ("quality",),
        _LANDMARKS,
        ("reg-landmarks-off", "reg-direction-suspect", "reg-frame-unknown"),
    ),
    "reg-landmarks-undefined": CodeInfo(
        "Landmarks lie where the registration says nothing",
        "Do not carry over what lies there; choose landmarks inside the grid, or a registration that covers them.",
        "The registration has no displacement at these landmarks: they lie outside of its grid, or beside undefined "
        "vectors. Means and largest errors tell nothing of them.",
        f"{_ERRORS} The mapping is undefined outside of the grid and beside NaN vectors (PS3.3 C.20.3). An error when "
        "it is undefined at all landmarks.",
        ("warning", "error"),
        ("quality",),
        {**_LANDMARKS, "names": "these landmarks, 20 at most"},
        ("reg-grid-does-not-cover", "reg-vectors-undefined"),
    ),
}
"""What landmarks show."""
