"""Variables in the manifest: `${NAME}`."""

from __future__ import annotations

from emulator.manifest.findings.catalogue.base import MANIFEST, FindingKind

_INTERPOLATE = "internal/pkg/manifest/interpolate.go"


class Undefined(FindingKind):
    code = "CL110"
    title = "variable is not defined"
    silenceable = False
    explanation = r"""
        The manifest uses `${NAME}`, and neither the shell nor the `.env` file has the variable. Copilot replaces
        variables of all environments at once and refuses the manifest if one is missing, whichever environment is
        meant; here a variable of another environment is a warning. `\${NAME}` is the text itself.
    """
    source = f"Copilot, `Interpolator.Interpolate` in {_INTERPOLATE}"
    file = ".env"
    bad = "LEVEL=debug\n"
    good = "LEVEL=debug\nTAG=1.27\n"
    beside = (
        (
            MANIFEST,
            """
            name: web
            type: Backend Service
            image: {location: "nginx:${TAG}"}
            """,
        ),
    )


class BecomesAList(FindingKind):
    code = "CL111"
    title = "text that interpolation turns into a list"
    silenceable = False
    explanation = """
        After variables are filled in, Copilot takes a text that is a JSON list of texts for a list, with or without a
        variable in it. Where only text fits, it then refuses the manifest. A literal block (`|-`) stays a text.
    """
    source = f"Copilot, `applyInterpolation` in {_INTERPOLATE}"
    bad = """
        name: web
        type: Backend Service
        image: {location: nginx}
        variables:
          HOSTS: '["a", "b"]'
    """
    good = """
        name: web
        type: Backend Service
        image: {location: nginx}
        variables:
          HOSTS: |-
            ["a", "b"]
    """


class Predefined(FindingKind):
    code = "CL112"
    title = "predefined variable has another value"
    silenceable = False
    explanation = """
        `COPILOT_APPLICATION_NAME` and `COPILOT_ENVIRONMENT_NAME` are filled in with the names that the command runs
        for. The shell or the `.env` file gives another value: one of the two is not what is meant. Copilot refuses the
        manifest.
    """
    source = f"Copilot, `Interpolator.interpolatePart` in {_INTERPOLATE}"
    file = ".env"
    bad = "COPILOT_ENVIRONMENT_NAME=prod\n"
    good = "LEVEL=debug\n"
    beside = (
        (
            MANIFEST,
            """
            name: web
            type: Backend Service
            image: {location: nginx}
            variables:
              STAGE: ${COPILOT_ENVIRONMENT_NAME}
            """,
        ),
    )
