# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may ask: API keys of users, certificates of instances, and the session tokens that those are exchanged for."""

from __future__ import annotations

import base64
import datetime
import hashlib
import ipaddress
import json
import time
from dataclasses import dataclass
from typing import Any, Dict, Optional, Sequence, Tuple

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from .errors import not_authenticated

PEM = serialization.Encoding.PEM


def new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def private_pem(key: rsa.RSAPrivateKey) -> str:
    plain = serialization.NoEncryption()
    return key.private_bytes(PEM, serialization.PrivateFormat.TraditionalOpenSSL, plain).decode()


def fingerprint(key: rsa.RSAPublicKey) -> str:
    """Of an API key, as the console shows it."""
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    digest = hashlib.md5(der).hexdigest()
    return ":".join(digest[index : index + 2] for index in range(0, len(digest), 2))


@dataclass
class Authority:
    """Signs certificates: of the instances, and of the API's own hosts."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate

    @classmethod
    def make(cls, name: str) -> Authority:
        key = new_key()
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = _builder(subject, subject, key.public_key(), 3600 * 24)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
        return cls(key, builder.add_extension(usage, critical=True).sign(key, hashes.SHA256()))

    def pem(self) -> str:
        return self.certificate.public_bytes(PEM).decode()

    def issue(
        self, subject: x509.Name, names: Sequence[str] = (), seconds: float = 3600 * 24
    ) -> Tuple[str, rsa.RSAPrivateKey]:
        key = new_key()
        builder = _builder(subject, self.certificate.subject, key.public_key(), seconds)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([_name(one) for one in names]), critical=False)
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        builder = builder.add_extension(identifier, critical=False)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(PEM).decode(), key


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _builder(subject: x509.Name, issuer: x509.Name, key: Any, seconds: float) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.timezone.utc)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1 if seconds > 0 else 48))
        .not_valid_after(now + datetime.timedelta(seconds=seconds))
    )


@dataclass(frozen=True)
class Principal:
    """Who asks."""

    kind: str  # user or instance
    id: str
    key: rsa.RSAPublicKey


class Identity:
    """The directory. `group` holds what the policy names: users and instances that may use the compartment."""

    def __init__(self, tenancy: str, token_seconds: float = 1200) -> None:
        self.tenancy = tenancy
        self.token_seconds = token_seconds
        self.authority = Authority.make("instances.identity")
        self.users: Dict[str, Tuple[str, rsa.RSAPublicKey]] = {}
        self.instances: Dict[str, Tuple[str, rsa.RSAPrivateKey]] = {}
        self.group: set[str] = set()
        self.revoked: set[str] = set()
        self._token_key = new_key()

    def add_user(self, ocid: str) -> rsa.RSAPrivateKey:
        key = new_key()
        self.users[ocid] = ("%s/%s/%s" % (self.tenancy, ocid, fingerprint(key.public_key())), key.public_key())
        self.group.add(ocid)
        return key

    def add_instance(self, ocid: str, seconds: float = 3600 * 24) -> None:
        subject = x509.Name(
            [
                x509.NameAttribute(NameOID.COMMON_NAME, ocid),
                x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "opc-instance:%s" % ocid),
                x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "opc-tenant:%s" % self.tenancy),
            ]
        )
        self.instances[ocid] = self.authority.issue(subject, seconds=seconds)
        self.group.add(ocid)

    # Who signed with this key id?

    def of_key(self, key_id: str) -> Principal:
        if key_id.startswith("ST$"):
            return self._of_token(key_id[3:])
        for ocid, (known, key) in self.users.items():
            if key_id == known and ocid not in self.revoked:
                return Principal("user", ocid, key)
        raise not_authenticated(
            "The required information to complete authentication was not provided or was incorrect."
        )

    def _of_token(self, token: str) -> Principal:
        try:
            claims = jwt.decode(
                token, self._token_key.public_key(), algorithms=["RS256"], options={"verify_aud": False}
            )
            numbers = json.loads(claims["jwk"])
            key = rsa.RSAPublicNumbers(_integer(numbers["e"]), _integer(numbers["n"])).public_key()
        except jwt.ExpiredSignatureError:
            raise not_authenticated("The security token is expired") from None
        except (jwt.PyJWTError, KeyError, ValueError) as error:
            raise not_authenticated("The security token is not valid: %s" % error) from error
        if claims["sub"] in self.revoked:
            raise not_authenticated("The security token was revoked")
        return Principal("instance", claims["sub"], key)

    # A certificate for a token

    def of_certificate(self, key_id: str, body: Dict[str, Any]) -> Principal:
        """The instance whose certificate the request carries and names; its chain and its time are checked."""
        certificate = x509.load_der_x509_certificate(base64.b64decode(body["certificate"]))
        self._check(certificate)
        tenancy, kind, print_ = key_id.split("/")
        algorithm = hashes.SHA256() if kind == "fed-x509-sha256" else hashes.SHA1()
        if print_ != ":".join("%02X" % byte for byte in certificate.fingerprint(algorithm)):
            raise not_authenticated("The key id does not name the certificate")
        ocid = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
        if tenancy != self.tenancy or ocid not in self.instances or ocid in self.revoked:
            raise not_authenticated("The certificate is not one of this tenancy's")
        return Principal("instance", str(ocid), certificate.public_key())  # type: ignore[arg-type]

    def _check(self, certificate: x509.Certificate) -> None:
        now = datetime.datetime.now(datetime.timezone.utc)
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            raise not_authenticated("The certificate is expired")
        try:
            self.authority.certificate.public_key().verify(  # type: ignore[union-attr,call-arg]
                certificate.signature,
                certificate.tbs_certificate_bytes,
                padding.PKCS1v15(),
                hashes.SHA256(),  # type: ignore[arg-type]
            )
        except Exception as error:
            raise not_authenticated("The certificate was not issued here") from error

    def token(self, principal: Principal, public_key: str) -> str:
        """A session of the principal's, bound to the key that it made for it."""
        key = serialization.load_der_public_key(base64.b64decode(public_key)).public_numbers()  # type: ignore[union-attr]
        now = int(time.time())
        claims = {
            "sub": principal.id,
            "tenant": self.tenancy,
            "iat": now,
            "exp": now + int(self.token_seconds),
            "jwk": json.dumps({"kty": "RSA", "n": _text(key.n), "e": _text(key.e)}),  # type: ignore[union-attr]
        }
        return jwt.encode(claims, private_pem(self._token_key), algorithm="RS256")


def _text(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8, "big")).decode().rstrip("=")


def _integer(text: str) -> int:
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")


def pem_of(identity: Identity, ocid: str) -> Optional[Tuple[str, str]]:
    """An instance's certificate and key, as its metadata service shows them to it."""
    found = identity.instances.get(ocid)
    return (found[0], private_pem(found[1])) if found else None
