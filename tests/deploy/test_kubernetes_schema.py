"""Every variant is what each supported Kubernetes expects, to the letter."""

from typing import Any

import kubernetes_validate
import pytest

from deploy.rendering import EVERY_VARIANT, rendered

VERSIONS = [f"1.{minor}" for minor in range(27, 37)]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_variant_is_valid(version: str) -> None:
    for document in _different_documents():
        kubernetes_validate.validate(document, version, strict=True)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_schema_fires_on_a_misspelt_field(version: str) -> None:
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "x"}, "automountToken": False}
    with pytest.raises(kubernetes_validate.ValidationError, match="automountToken"):
        kubernetes_validate.validate(account, version, strict=True)


def _different_documents() -> list[Any]:
    """Those of all variants, each once."""
    found: list[Any] = []
    for variant in EVERY_VARIANT:
        found.extend(document for document in rendered(variant) if document not in found)
    return found
