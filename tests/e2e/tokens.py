"""JSON Web Tokens and their keys, made by PyJWT."""

import json
import time

import jwt
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from jwt.algorithms import OKPAlgorithm, RSAAlgorithm

ISSUER, AUDIENCE = "https://issuer.test", "shop"


class Key:
    """A private key of an issuer, with its kid."""

    def __init__(self, kid, kind="EdDSA"):
        self.kid, self.kind = kid, kind
        self.private = (ed25519.Ed25519PrivateKey.generate() if kind == "EdDSA" else
                        rsa.generate_private_key(65537, 2048))

    def jwk(self):
        maker = OKPAlgorithm if self.kind == "EdDSA" else RSAAlgorithm
        return {**json.loads(maker.to_jwk(self.private.public_key())), "kid": self.kid, "use": "sig"}

    def token(self, lives=300, kid=None, **claims):
        now = int(time.time())
        payload = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "iat": now, "exp": now + lives, **claims}
        return jwt.encode({name: value for name, value in payload.items() if value is not None},
                          self.private, self.kind, headers={"kid": kid or self.kid})


def jwks(*keys):
    return json.dumps({"keys": [key.jwk() for key in keys]})
