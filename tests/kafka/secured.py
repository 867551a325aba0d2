"""A real Kafka that lets nobody in unknown: TLS, three ways to say who one is, and rights for each that differ."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.kafka.certificates import Authority
from tests.kafka.properties import free_addresses
from tests.kafka.server import KafkaServer

AUDIENCE, ISSUER, KEY_ID = "kafka", "https://tokens.example", "one"
STRANGER, WORD = "stranger", "word"  # somebody whom it knows, and everybody's password
SESSION_S = 4  # how long the broker lets a connection that came with a token live

# Whoever may connect to the plain listener is the operator: it is where the tests set rights, and where the broker
# talks to itself. What is under test comes by the other three.
PROPERTIES = """
listeners=PLAINTEXT://{plain},CONTROLLER://{controller},SCRAM://{scram},OAUTH://{oauth},MTLS://{mtls}
advertised.listeners=PLAINTEXT://{plain},CONTROLLER://{controller},SCRAM://{scram},OAUTH://{oauth},MTLS://{mtls}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SCRAM:SASL_SSL,OAUTH:SASL_SSL,MTLS:SSL
auto.create.topics.enable=true
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
ssl.keystore.type=PEM
ssl.keystore.location={folder}/server.pem
ssl.truststore.type=PEM
ssl.truststore.location={folder}/ca.pem
listener.name.scram.sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.scram.scram-sha-512.sasl.jaas.config=\
org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.oauth.sasl.enabled.mechanisms=OAUTHBEARER
listener.name.oauth.oauthbearer.sasl.jaas.config=\
org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;
listener.name.oauth.oauthbearer.sasl.server.callback.handler.class=\
org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler
sasl.oauthbearer.jwt.validator.class=org.apache.kafka.common.security.oauthbearer.BrokerJwtValidator
sasl.oauthbearer.jwks.endpoint.url=file://{folder}/jwks.json
sasl.oauthbearer.expected.audience={audience}
sasl.oauthbearer.expected.issuer={issuer}
listener.name.oauth.oauthbearer.connections.max.reauth.ms={session_ms}
listener.name.mtls.ssl.client.auth=required
listener.name.mtls.ssl.principal.mapping.rules=RULE:^CN=([^,]+).*$/$1/
"""


class SecuredServer(KafkaServer):
    """Reach it at ``scram``, ``oauth`` (with tokens that ``tokens`` issues) or ``mtls`` (with a certificate of
    ``authority``); as the operator at ``bootstrap``."""

    def __init__(self, folder: Path, accounts: Mapping[str, str]) -> None:
        here, more = free_addresses(), free_addresses()
        self.scram, self.oauth, self.mtls = more.plain, more.sasl, more.proxied
        self.authority, self.tokens = Authority(), Tokens()
        self.ca = self.authority.write(folder / "ca.pem")
        certificate, key = folder / "server.crt", folder / "server.key"
        self.authority.issue("broker", certificate, key)
        (folder / "server.pem").write_bytes(key.read_bytes() + certificate.read_bytes())
        (folder / "jwks.json").write_text(json.dumps({"keys": [self.tokens.public]}), encoding="utf-8")
        secured = PROPERTIES.format(
            plain=here.plain,
            controller=here.controller,
            scram=self.scram,
            oauth=self.oauth,
            mtls=self.mtls,
            folder=folder,
            audience=AUDIENCE,
            issuer=ISSUER,
            session_ms=SESSION_S * 1000,
        )
        allowed = f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=file://{folder}/jwks.json"
        super().__init__(folder, [here], more=secured, accounts=accounts, java=[allowed])


class Tokens:
    """Issues signed tokens (RS256), as an identity provider does."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(65537, 2048)

    @property
    def public(self) -> dict[str, str]:
        """By which the broker knows them (a JSON Web Key)."""
        numbers = self._key.public_key().public_numbers()
        n, e = numbers.n.to_bytes(256, "big"), numbers.e.to_bytes(3, "big")
        return {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": KEY_ID, "n": _text(n), "e": _text(e)}

    def issue(self, name: str, *, valid_s: float = 300.0) -> str:
        now = int(time.time())
        claims = {"sub": name, "iss": ISSUER, "aud": AUDIENCE, "scope": "kafka", "iat": now - 60}
        head = _text(json.dumps({"alg": "RS256", "typ": "JWT", "kid": KEY_ID}).encode())
        signed = f"{head}.{_text(json.dumps(claims | {'exp': now + int(valid_s)}).encode())}"
        return f"{signed}.{_text(self._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def _text(of: bytes) -> str:
    return base64.urlsafe_b64encode(of).rstrip(b"=").decode()
