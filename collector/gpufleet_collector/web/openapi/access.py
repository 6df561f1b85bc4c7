"""The login and the tokens, which alone may be changed over HTTP."""

from collections.abc import Mapping

from gpufleet_collector.access.book import DATABASE, FILE
from gpufleet_collector.access.grants import Role
from gpufleet_collector.web.openapi.operation import BAD, GUARDED, JSON, SELF, TOO_MANY, UNAVAILABLE, Action, Operation
from gpufleet_collector.web.openapi.schema import (
    Schema,
    array,
    instant,
    nullable,
    one_of,
    structure,
    text,
    truth,
    whole,
)

_ROLES = [role.value for role in Role]
_UNAUTHORIZED, _FORBIDDEN, _CONFLICT, _TOO_LARGE = 401, 403, 409, 413

_SESSION = structure(
    "",
    {
        "open": truth("Whether nobody needs a token here."),
        "insecure": truth("Whether the operator waived TLS and tokens on a network."),
        "agents": text("How agents connect: scheme and port.", "grpcs:50051"),
        "role": nullable(one_of(_ROLES, "What one may do; null without a token.")),
        "name": nullable(text("What the token is for.", "on-call")),
        "expires_at": nullable(instant("When the token ends; null is never.")),
    },
)
_TOKEN_FIELDS: Mapping[str, Schema] = {
    "id": text("Its public part; of one of the file that does not say it, how its digest begins.", "abcdefgh23"),
    "role": one_of(_ROLES),
    "source": one_of([DATABASE, FILE], "Where it is kept. One of the file is revoked by removing its line."),
    "name": text("What it is for.", "rack 1"),
    "hosts": array(text("", "gpu-*"), "Patterns of hosts it may speak for; none is any."),
    "created_at": nullable(instant()),
    "expires_at": nullable(instant()),
    "revoked_at": nullable(instant()),
}

ACCESS: Mapping[str, Operation] = {
    "/api/v1/session": Operation(
        "session",
        SELF,
        "Who one is here",
        "Needs no token.",
        {JSON: _SESSION},
        problems=(BAD, TOO_MANY),
        is_guarded=False,
        actions=(
            Action(
                "post",
                "logIn",
                "Log a browser in",
                "The token comes back as a cookie that no script can read. 403 for an agent's.",
                structure("", {"token": text("", "gpf_abcdefgh23_...")}),
                _SESSION,
                problems=(BAD, _UNAUTHORIZED, _FORBIDDEN, _TOO_LARGE, TOO_MANY),
            ),
            Action(
                "delete",
                "logOut",
                "Log a browser out",
                "The cookie goes.",
                None,
                structure("", {}),
                problems=(BAD, _FORBIDDEN, TOO_MANY),
            ),
        ),
    ),
    "/api/v1/tokens": Operation(
        "tokens",
        SELF,
        "Every token there is, for admins",
        "Never the tokens themselves. Those of the database, oldest first, then those of GPUFLEET_TOKENS_FILE.",
        {JSON: structure("", {"tokens": array(structure("A token.", _TOKEN_FIELDS)), "count": whole("", 1)})},
        problems=(BAD, UNAVAILABLE),
        actions=(
            Action(
                "post",
                "createToken",
                "Make a token, for admins",
                "It is shown this once. `hosts` are patterns separated by commas. 409 while there is none at all: the "
                "first is made on the collector's machine.",
                {
                    "type": "object",
                    "properties": {
                        "role": one_of(_ROLES),
                        "name": text("", "rack 1", maxLength=100),
                        "hosts": text("", "gpu-*"),
                        "days": {"type": "integer", "minimum": 1, "maximum": 3_650},
                    },
                    "required": ["role"],
                },
                structure("", {"token": text("", "gpf_abcdefgh23_..."), **_TOKEN_FIELDS}),
                status=201,
                problems=(BAD, *GUARDED, _CONFLICT, _TOO_LARGE, UNAVAILABLE),
            ),
            Action(
                "delete",
                "revokeToken",
                "Revoke a token, for admins",
                "What is open with it ends within 5 s. Only those of the database are: 400 for one of the file.",
                structure("", {"id": text("", "abcdefgh23")}),
                structure("", {"id": text("", "abcdefgh23")}),
                problems=(BAD, *GUARDED, _CONFLICT, _TOO_LARGE, UNAVAILABLE),
            ),
        ),
    ),
}
