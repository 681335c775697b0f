"""Private keys, and credentials that stand in URLs, headers and configuration files."""

from __future__ import annotations

from forgelm.audit.matching.family import Family
from forgelm.audit.secrets.entropy import is_jwt, is_password, is_unusual_password, looks_random
from forgelm.audit.secrets.shapes import LONG_RUN, NO_MORE_BASE64, token

# Up to the next marker, so that a thousand headers without an end take the time of one. Atomic groups, because Python
# before 3.11.5 matches possessive ones wrongly where the group itself may backtrack.
_BODY = r"(?>(?:[^-]|-(?!----))*)"
# A key that was cut off: whole lines of base64.
_CUT_BODY = (
    r"(?:(?>(?:\\[nr]|[\r\n\t ]|(?:Proc-Type|DEK-Info|Comment|Version|Hash): [^\r\n\\]{1,80})*)[A-Za-z0-9+/=]{40,}"
    r"(?>(?:(?>(?:\\[nr]|[\r\n\t ]){1,8})[A-Za-z0-9+/=]{16,}+)*))"
)
_DATABASES = (
    "postgres|postgresql|mysql|mariadb|mongodb|redis|rediss|amqp|amqps|mssql|sqlserver|oracle|clickhouse|cockroachdb|"
    "snowflake|neo4j|bolt|couchbase|cassandra|influxdb|ldap|ldaps|kafka|nats"
)
_AUTHORIZATION = "(?i:authorization)[\"']?[ \\t]{0,4}[:=,][ \\t]{0,4}[\"']?"
_BLANK = "[ \\t\\r\\n]{1,8}"
_WORD = "[^ \\t\\r\\n]{1,128}"
_SCHEMES = "https?|ftps?|sftp|ssh|git|svn|smtps?|imaps?|wss?|socks5h?|rtsp"
_USER_INFO = "://[^ \\t\\r\\n/@]+@"
_URL_PASSWORD = "(?P<value>[^\\s@/:\\[\\]{}<>\"'`$*]{3,256})"


_MARKER = "-----BEGIN "


def _armoured(kind: str, types: str, end: str = "") -> Family:
    begin = f"-----BEGIN (?:{types})PRIVATE KEY{end}-----"
    return Family(kind, f"{begin}(?:{_BODY}-----END [A-Z0-9 ]{{0,40}}-----|{_CUT_BODY})", "critical", "secret",
                  keywords=("private key",), left="", hint=begin, clue=_MARKER)  # fmt: skip


PRIVATE_KEYS = (
    _armoured("openssh_private_key", "OPENSSH |RSA |DSA |EC "),
    _armoured("pgp_private_key", "PGP ", " BLOCK"),
    _armoured("pkcs8_private_key", ""),
    _armoured("encrypted_private_key", "ENCRYPTED "),
    _armoured("other_private_key", "SSH2 |SSH2 ENCRYPTED |ANY |ED25519 |X25519 |SM2 |GOST "),
    Family("putty_private_key",
           r"PuTTY-User-Key-File-[23]: [^\r\n]{1,80}[\r\n]++(?>(?:(?!PuTTY-|Private-L)[^\r\n]{1,200}[\r\n]++){1,80})"
           r"Private-Lines: [0-9]{1,4}[\r\n]++(?>(?:[A-Za-z0-9+/=]{1,100}[\r\n]++){1,200})"
           r"(?:Private-MAC: [0-9a-f]{40,})?",
           "critical", "secret", keywords=("putty-user-key-file",), left="", hint="PuTTY-User-Key-File-[23]",
           clue=LONG_RUN),
    token("age_secret_key", "(?i:AGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58})", "age-secret-key-1"),
    token("wireguard_private_key",
          "(?:PrivateKey|PresharedKey)[ \\t]{0,4}=[ \\t]{0,4}(?P<value>[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=)",
          "privatekey", "presharedkey", right=NO_MORE_BASE64),
)  # fmt: skip

IN_TEXT = (
    token("jwt", r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}", "eyj", right="", check=is_jwt,
          hint=r"eyJ[A-Za-z0-9_-]{8}", clue=r"eyJ[A-Za-z0-9_-]{8}"),
    Family("database_url", f"(?i:(?:{_DATABASES})(?:\\+[a-z0-9_]{{1,16}})?)://[^\\s:@/\"'<>]{{0,64}}:{_URL_PASSWORD}@",
           "critical", "secret", is_password, ("://",), hint=_USER_INFO, clue=_USER_INFO),
    Family("basic_auth_url",
           f"(?i:{_SCHEMES})://[^\\s:@/\"'<>]{{1,64}}:{_URL_PASSWORD}@",
           "critical", "secret", is_password, ("://",), hint=_USER_INFO, clue=_USER_INFO),
    Family("basic_auth_header",
           f"{_AUTHORIZATION}(?i:basic) (?P<value>[A-Za-z0-9+/]{{8,512}}={{0,2}})",
           "critical", "secret", keywords=("authorization",), left="", hint="(?i:basic) [A-Za-z0-9+/]{8}"),
    Family("bearer_header",
           f"{_AUTHORIZATION}(?i:bearer|token) (?P<value>[A-Za-z0-9._~+/=-]{{16,2048}})",
           "critical", "secret", looks_random, ("authorization",), left="",
           hint="(?i:bearer|token) [A-Za-z0-9._~+/=-]{16}"),
    Family("netrc_password",
           f"(?i:machine) {_WORD}{_BLANK}(?i:login) {_WORD}{_BLANK}(?i:password) (?P<value>[^\\s]{{3,256}})",
           "critical", "secret", is_unusual_password, ("machine",), hint=f"(?i:machine) {_WORD}{_BLANK}(?i:login) "),
    token("docker_registry_auth", "\"auth\"[ \\t]{0,4}:[ \\t]{0,4}\"(?P<value>[A-Za-z0-9+/]{16,512}={0,2})\"",
          "\"auth\"", right=""),
    token("npmrc_auth_token", "_authToken[ \\t]{0,4}=[ \\t]{0,4}(?P<value>[A-Za-z0-9_-]{16,512})", "_authtoken",
          right=""),
    token("ansible_vault",
          r"\$ANSIBLE_VAULT;[0-9.]{3,5};AES256[^\r\n]{0,64}(?P<value>(?:[\r\n]{1,2}[ \t]{0,9}[0-9a-f]{40,99}){1,200})",
          "$ansible_vault", right="", hint=r"\$ANSIBLE_VAULT;"),
    token("crypt_hash", r"\$(?:6|5|y|2[aby])\$[A-Za-z0-9./=,$]{20,160}", "$6$", "$5$", "$y$", "$2a$", "$2b$", "$2y$",
          right="", hint=r"\$(?:6|5|y|2[aby])\$", clue=r"\$(?:6|5|y|2[aby])\$"),
)  # fmt: skip

_SECRET_NAMES = "key|secret|token|passw(?:or)?d|passwd|pwd|passphrase|credential|webhook"
_ASSIGNED = "[A-Za-z0-9_]{0,20}[\"'\\]]{0,2}[ \\t]{0,4}(?:=|:|:=|=>)"

GENERIC = (
    Family("generic_secret",
           f"(?i:(?:api|auth|access|private|signing|encryption|master|secret)[_-]?key|{_SECRET_NAMES.removeprefix('key|')})"
           f"{_ASSIGNED}[ \\t]{{0,4}}[\"']?(?P<value>[A-Za-z0-9+/=_.~!@#%^&*-]{{16,}})",
           "critical", "secret", looks_random, left="", weak=True,
           keywords=("key", "secret", "token", "passw", "pwd", "passphrase", "credential", "webhook"),
           hint=f"(?i:{_SECRET_NAMES}){_ASSIGNED}"),
)  # fmt: skip
