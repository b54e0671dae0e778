"""What pyproject.toml cannot say: folders of the checkout lie inside the package of a wheel."""

from setuptools import find_namespace_packages, setup

INSIDE = {
    "reproduce.conf": "conf",
    "reproduce.reference": "outputs/reference",
    "reproduce.released": "outputs/released",
}

setup(
    packages=[*find_namespace_packages(include=["reproduce", "reproduce.*"]), *INSIDE],
    package_dir=INSIDE,
    package_data={
        "": [
            "**/*.yaml",
            "**/*.json",
            "**/*.html",
            "**/*.md",
            "**/*.css",
            "**/*.js",
            "**/*.keras",
            "**/*.npz",
        ]
    },
)
