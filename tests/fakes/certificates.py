"""Certificates made in the test that needs them: real ones, of a real authority that nobody else trusts.

    authority = Authority("test")                        # a CA; `authority.pem` is what a GPUFLEET_TLS_CA_FILE holds
    server = authority.issue(["localhost", "127.0.0.1"])  # Issued(cert_pem, key_pem), for a server; names or addresses
    authority.issue(["localhost"], expired=True)          # was good until a day ago
    authority.issue(["node-1"], client=True)              # for a client; the first name is its common name
    Authority("other").issue(["localhost"])               # of another CA: strangers to each other
    cert_file, key_file = server.save(tmp_path)           # as server.crt and server.key
    ca_file = authority.save(tmp_path)                    # as ca.crt

All PEM is bytes. One authority takes a few milliseconds, and so does each certificate.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = timedelta(days=1)
AUTHORITY_DAYS, USUAL_DAYS = 365, 30


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate and its private key. The certificate is followed by no other: the authority has no one above it."""

    cert_pem: bytes
    key_pem: bytes

    def save(self, folder: Path, name: str = "server") -> tuple[Path, Path]:
        """Write `name`.crt and `name`.key, over what is there; the paths of the two."""
        cert, key = folder / f"{name}.crt", folder / f"{name}.key"
        cert.write_bytes(self.cert_pem)
        key.write_bytes(self.key_pem)
        key.chmod(0o600)
        return cert, key


class Authority:
    """A CA of its own."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._made_at = datetime.now(UTC).replace(microsecond=0)
        usage = _usage(signs_certificates=True)
        builder = _builder(self._name, self._name, self._key, self._made_at - 30 * DAY, AUTHORITY_DAYS * DAY)
        self._certificate = (
            builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .sign(self._key, hashes.SHA256())
        )

    @property
    def pem(self) -> bytes:
        """Its own certificate."""
        return self._certificate.public_bytes(Encoding.PEM)

    def save(self, folder: Path, name: str = "ca") -> Path:
        """Write `name`.crt; its path."""
        path = folder / f"{name}.crt"
        path.write_bytes(self.pem)
        return path

    def issue(
        self, names: Sequence[str], *, expired: bool = False, client: bool = False, days: float = USUAL_DAYS
    ) -> Issued:
        """A certificate for `names`, good for `days` from now, or `expired` a day ago."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        since = self._made_at - (10 * DAY if expired else DAY)
        purpose = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
        lasts = 9 * DAY if expired else (1 + days) * DAY
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        certificate = (
            _builder(subject, self._name, key, since, lasts)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(issuer, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return Issued(certificate.public_bytes(Encoding.PEM), private)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, since: datetime, lasts: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(since + lasts)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
