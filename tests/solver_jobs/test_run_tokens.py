"""Tokens that open one run: what they say, which keys sign them, which are refused and how."""

import json
import time
import uuid
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from solver_jobs.run_tokens import ROLE, SECONDS, RunTokens, SigningKeyWrong

SECRET = "the shared secret of a legacy project, 40+ bytes"
RUN = uuid.uuid4()


def signing_key(**changed: object) -> dict[str, Any]:
    """As `supabase gen signing-key` gives it."""
    made = ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()), as_dict=True)
    whole = {**made, "kid": str(uuid.uuid4()), "alg": "ES256", "key_ops": ["sign", "verify"], **changed}
    return {name: value for name, value in whole.items() if value is not None}


def public(jwk: dict[str, Any]) -> Any:
    return jwt.PyJWK({name: value for name, value in jwk.items() if name != "d"}).key


def minted(tokens: RunTokens | None) -> str:
    assert tokens is not None
    return tokens.mint(RUN)


def test_a_token_names_its_role_its_run_and_its_end_and_nothing_else() -> None:
    claims = jwt.decode(minted(RunTokens.by(None, SECRET)), SECRET, algorithms=["HS256"])
    ends_in = claims.pop("exp") - time.time()
    assert claims == {"role": ROLE, "run_id": str(RUN)}
    assert SECONDS - 60 < ends_in <= SECONDS


def test_an_imported_key_signs_under_its_id_and_goes_before_the_legacy_secret() -> None:
    key = signing_key()
    token = minted(RunTokens.by(json.dumps(key), SECRET))
    assert jwt.get_unverified_header(token) == {"alg": "ES256", "kid": key["kid"], "typ": "JWT"}
    assert jwt.decode(token, public(key), algorithms=["ES256"])["run_id"] == str(RUN)


def test_a_key_of_rsa_signs_too() -> None:
    made = RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 2048), as_dict=True)
    token = minted(RunTokens.by(json.dumps({**made, "kid": "a"}), None))
    assert jwt.get_unverified_header(token)["alg"] == "RS256"


def test_a_shared_key_of_the_new_system_signs_under_its_id() -> None:
    key = {"kty": "oct", "k": "c2hhcmVkIHNlY3JldCBvZiAzMiBieXRlcyBvciBtb3Jl", "kid": "b"}
    token = minted(RunTokens.by(json.dumps(key), None))
    assert jwt.get_unverified_header(token) == {"alg": "HS256", "kid": "b", "typ": "JWT"}
    assert jwt.decode(token, "shared secret of 32 bytes or more", algorithms=["HS256"])["role"] == ROLE


def test_without_a_key_there_are_no_tokens() -> None:
    assert RunTokens.by(None, None) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sb_secret_1234", "expected a private key as a JSON Web Key"),
        ("[]", "expected a private key as a JSON Web Key"),
        (json.dumps(signing_key(kid=None)), "no kid"),
        (json.dumps(signing_key(d=None)), "public half"),
        (json.dumps(signing_key(x="AAAA")), "damaged"),
        (json.dumps(signing_key(crv="P-1")), "damaged"),
        ('{"kty": "oct", "kid": "ours"}', "damaged"),
        ('{"kty": ["EC"], "kid": "ours"}', "expected a private key as a JSON Web Key"),
    ],
)
def test_what_is_no_private_key_is_refused_without_repeating_it(text: str, said: str) -> None:
    with pytest.raises(SigningKeyWrong, match=said) as refused:
        RunTokens.by(text, None)
    assert "supabase gen signing-key" in str(refused.value)
    assert "1234" not in str(refused.value)
