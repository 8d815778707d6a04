"""Takes what looks like a secret out of text, where its value is not known: passwords and tokens in URLs, authorization
headers, keys whose form tells them. Pure.

Known values are taken out by `emulator.runtime.reports.redact`, which uses this too.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

HIDDEN = "(redacted)"

_TELLING = re.compile(
    r"""(?xi)
      passw | passphrase | (?:^|[_.-])p(?:wd|ass)(?:$|[_.-]) | secret | token | credential | jwt | bearer
    | (?:api|access|private|license|licence|shared|signing|encryption|account|master|auth|service)[_.-]?key
    | (?:^|[_.-])(?:auth|authorization|dsn|sas|otp|pin|pat|apikey)(?:$|[_.-])
    | connection[_.-]?string | webhook
    """
)
_TELLING_IN_QUERY = re.compile(
    r"(?i)^(?:code|sig|signature|key|auth|sid|session(?:_?id)?|x-amz-(?:signature|credential))$"
)
_USERINFO = re.compile(r"(?P<scheme>\b[A-Za-z][A-Za-z0-9+.-]*://)(?P<user>[^\s/?#@:\"'<>]*):[^\s/?#\"'<>]*@")
_USER_ALONE = re.compile(r"(?P<scheme>\bhttps?://)(?P<user>[^\s/?#@:\"'<>]{20,})@")
_QUERY = re.compile(r"(?P<before>[?&;#])(?P<name>[^=&;#\s\"'<>?]{1,100})=(?P<value>[^&;#\s\"'<>]*)")
_FORMS = re.compile(
    r"""(?x)
      \b(?:AKIA|ASIA)[A-Z0-9]{16}\b
    | \bgh[pousr]_[A-Za-z0-9]{20,} | \bgithub_pat_\w{20,} | \bglpat-[\w-]{20,} | \bnpm_[A-Za-z0-9]{30,}
    | \bxox[abeoprs]-[A-Za-z0-9-]{10,} | \b[rs]k_(?:live|test)_[A-Za-z0-9]{10,} | \bsk-[A-Za-z0-9_-]{20,}
    | \bdckr_pat_[\w-]{20,} | \bpypi-[\w-]{40,} | \bAIza[\w-]{35} | \bhf_[A-Za-z0-9]{30,}
    | \beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*
    """
)
_AUTHORIZATION = re.compile(
    r"""(?xi)
    (?P<before>
        \bauthorization["']?\s*[:=]\s*["']?(?:(?:basic|bearer|token|apikey|splunk|digest|negotiate)\s+)?
      | \bheader\s+authorization\s+(?:(?:basic|bearer|token|apikey|splunk)\s+)?
      | \bauthorization\s+(?:basic|bearer|token|apikey|splunk)\s+
      | \b(?:basic|bearer)\s+(?=[A-Za-z0-9+/_.~-]{8,})(?=\S*(?-i:[0-9A-Z=]))
    )
    (?P<value>[^\s"',;]+)
    """
)
_KEY_BLOCK = re.compile(r"-----BEGIN ([A-Z ]*PRIVATE KEY)-----.*?(?:-----END \1-----|\Z)", re.DOTALL)
_SCHEME = re.compile(r"(?i)(?:basic|bearer|token|apikey|splunk|digest|negotiate|header)\Z")


def sounds_secret(name: str) -> bool:
    """Whether the name of a variable, an option or a parameter says that its value is a secret."""
    # `apiKey` as `api_Key`; `APIKEY` stays.
    return _TELLING.search(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)) is not None


def redact_url(text: str) -> str:
    """Text with the passwords of URLs, and the values of query parameters that sound secret, replaced."""
    if "://" in text:
        text = _USERINFO.sub(lambda found: f"{found['scheme']}{found['user']}:{HIDDEN}@", text)
        text = _USER_ALONE.sub(lambda found: f"{found['scheme']}{HIDDEN}@", text)
    return _QUERY.sub(_parameter, text) if "=" in text else text


def _parameter(found: re.Match[str]) -> str:
    name, value = unquote(found["name"]), found["value"]
    if value and (sounds_secret(name) or _TELLING_IN_QUERY.match(name)):
        return f"{found['before']}{found['name']}={HIDDEN}"
    if "%" in value:  # an address within an address
        inner = unquote(value)
        without = redact_url(inner)
        if without != inner:
            return f"{found['before']}{found['name']}={quote(without, safe='()')}"
    return found[0]


def redact_forms(text: str) -> str:
    """Text without URLs' secrets, authorization headers, private keys, and tokens that are known by their form."""
    text = _KEY_BLOCK.sub(lambda found: f"-----BEGIN {found[1]}-----{HIDDEN}", text)
    text = _AUTHORIZATION.sub(_authorization, text)
    return redact_url(_FORMS.sub(HIDDEN, text))


def _authorization(found: re.Match[str]) -> str:
    # `Authorization: Basic` at the end of a line is not followed by what it names.
    return found[0] if _SCHEME.match(found["value"]) else f"{found['before']}{HIDDEN}"
