"""A certificate authority of one's own and what it issues: enough for a team's first deployment, until there is another
issuer."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_LIFE = timedelta(days=3650)
LIFE = timedelta(days=365)
CLOCK_SKEW = timedelta(hours=1)
"""How far the clock of whoever checks may be behind."""

MAX_NAMES = 100
MAX_NAME_LENGTH = 253


class BadName(ValueError):
    """`str()` is one line that shows the name."""


@dataclass(frozen=True, slots=True)
class Credential:
    """A certificate and its private key, PEM."""

    certificate: bytes
    key: bytes = field(repr=False)

    @property
    def expires(self) -> datetime:
        return x509.load_pem_x509_certificate(self.certificate).not_valid_after_utc


def make_authority(name: str, now: datetime, life: timedelta = AUTHORITY_LIFE) -> Credential:
    """One that may issue certificates, and no further authorities."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    usage = _key_usage(key_cert_sign=True, crl_sign=True)
    builder = _begin(subject, key.public_key(), now, life).issuer_name(subject)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    return _sign(builder.add_extension(usage, critical=True), key, key)


def issue_server(authority: Credential, names: Sequence[str], now: datetime, life: timedelta = LIFE) -> Credential:
    """For a server that is reached under `names`, DNS names and addresses. Raises BadName for what is neither, and
    ValueError for an authority that is none."""
    alternative = x509.SubjectAlternativeName([_general_name(name) for name in names])
    return _issue(authority, names[0], ExtendedKeyUsageOID.SERVER_AUTH, alternative, (now, life))


def issue_client(authority: Credential, name: str, now: datetime, life: timedelta = LIFE) -> Credential:
    """For clients that call themselves `name`. No server can use it."""
    alternative = x509.SubjectAlternativeName([_general_name(name)])
    return _issue(authority, name, ExtendedKeyUsageOID.CLIENT_AUTH, alternative, (now, life))


def names_of(certificate: bytes) -> list[str]:
    """The names that a certificate was issued for, as `issue_server` takes them. Raises ValueError for what is none."""
    found = x509.load_pem_x509_certificate(certificate).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return [str(name.value) for name in found.value]


def _issue(
    authority: Credential,
    name: str,
    purpose: x509.ObjectIdentifier,
    alternative: x509.SubjectAlternativeName,
    when: tuple[datetime, timedelta],
) -> Credential:
    issuer = x509.load_pem_x509_certificate(authority.certificate)
    issuer_key = serialization.load_pem_private_key(authority.key, password=None)
    if not isinstance(issuer_key, ec.EllipticCurvePrivateKey):
        raise ValueError("the authority's key is not of an elliptic curve")  # noqa: TRY004 - it is what was read
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = _begin(subject, key.public_key(), *when).issuer_name(issuer.subject)
    for extension, critical in (
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_key_usage(digital_signature=True), True),
        (x509.ExtendedKeyUsage([purpose]), False),
        (x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), False),
        (alternative, False),
    ):
        builder = builder.add_extension(extension, critical=critical)
    return _sign(builder, key, issuer_key)


def _begin(
    subject: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _sign(
    builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey, issuer_key: ec.EllipticCurvePrivateKey
) -> Credential:
    certificate = builder.sign(issuer_key, hashes.SHA256())
    return Credential(
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        pass
    labels = name.removeprefix("*.").split(".")
    if not 0 < len(name) <= MAX_NAME_LENGTH or not all(_is_label(label) for label in labels):
        raise BadName(f"{name[:80]!r} is neither a DNS name nor an address")
    return x509.DNSName(name)


def _is_label(label: str) -> bool:
    plain = label.isascii() and label.replace("-", "a").isalnum()
    return plain and not label.startswith("-") and not label.endswith("-")


def _key_usage(
    *, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )
