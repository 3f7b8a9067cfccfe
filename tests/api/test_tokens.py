"""Access tokens: who is believed, and every way of lying that is known."""

import base64
import time
import uuid
from collections.abc import AsyncIterator

import orjson
import pytest

pytest.importorskip("jwt", reason="the extra `supabase` is not installed")

import jwt
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from api import jwks
from api.jwks import KeySet, KeysUnreachable
from api.tokens import LONGEST, SKEW_SECONDS, AccessTokens, TokenRefused
from tests.peers.issuer import SECRET, Issuer, SigningKey, publishing

USER = uuid.UUID(int=7)


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with publishing("ES256", "RS256") as published:
        yield published


@pytest.fixture
def tokens(issuer: Issuer) -> AccessTokens:
    return AccessTokens(issuer.url)


def encoded(part: object) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(part)).rstrip(b"=").decode()


# ---------------------------------------------------------------------- believed


@pytest.mark.parametrize("number", [0, 1], ids=["ES256", "RS256"])
async def test_a_token_of_the_project_tells_whose_it_is(
    issuer: Issuer, tokens: AccessTokens, number: int
) -> None:
    assert (await tokens.verify(issuer.token(issuer.keys[number]))).user_id == USER


async def test_the_keys_are_fetched_once(issuer: Issuer, tokens: AccessTokens) -> None:
    for _ in range(5):
        await tokens.verify(issuer.token())
    assert issuer.asked == 1


@pytest.mark.parametrize("claim", [{"exp": -SKEW_SECONDS / 2}, {"iat": SKEW_SECONDS / 2}])
async def test_clocks_may_disagree_a_little(
    issuer: Issuer, tokens: AccessTokens, claim: dict[str, float]
) -> None:
    moved = {name: int(time.time() + seconds) for name, seconds in claim.items()}
    assert (await tokens.verify(issuer.token(None, **moved))).user_id == USER


async def test_a_legacy_token_is_believed_where_its_secret_is_configured(issuer: Issuer) -> None:
    token = jwt.encode(issuer.claims(), SECRET, algorithm="HS256")
    assert (await AccessTokens(issuer.url, SECRET).verify(token)).user_id == USER
    unnamed = jwt.encode(issuer.claims(iss=None), SECRET, algorithm="HS256")
    assert (await AccessTokens(issuer.url, SECRET).verify(unnamed)).user_id == USER
    foreign = jwt.encode(issuer.claims(iss="https://other/auth/v1"), SECRET, algorithm="HS256")
    with pytest.raises(TokenRefused, match="another project"):
        await AccessTokens(issuer.url, SECRET).verify(foreign)
    with pytest.raises(TokenRefused, match="SUPABASE_JWT_SECRET"):
        await AccessTokens(issuer.url).verify(token)


# ---------------------------------------------------------------------- refused


@pytest.mark.parametrize(
    ("claim", "seconds", "said"),
    [("exp", -3600, "has expired"), ("nbf", 3600, "not valid yet"), ("iat", 3600, "not valid yet")],
)
async def test_a_token_of_another_time_is_refused(
    issuer: Issuer, tokens: AccessTokens, claim: str, seconds: int, said: str
) -> None:
    with pytest.raises(TokenRefused, match=said):
        await tokens.verify(issuer.token(None, **{claim: int(time.time()) + seconds}))


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"iss": "https://other.supabase.co/auth/v1"}, "another project"),
        ({"aud": "other"}, "somebody else"),
        ({"exp": None}, "tell its 'exp'"),
        ({"iss": None}, "tell its 'iss'"),
        ({"aud": None}, "tell its 'aud'"),
        ({"sub": None}, "tell its 'sub'"),
        ({"role": "service_role"}, "no access tokens"),
        ({"role": "anon"}, "no access tokens"),
        ({"role": None}, "no access tokens"),
        ({"sub": "admin"}, "no user id"),
    ],
)
async def test_a_token_that_is_not_for_us_is_refused(
    issuer: Issuer, tokens: AccessTokens, claims: dict[str, object], said: str
) -> None:
    with pytest.raises(TokenRefused, match=said):
        await tokens.verify(issuer.token(None, **claims))


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", ""])
@pytest.mark.parametrize("secret", [None, SECRET])
async def test_a_token_without_a_signature_is_refused(
    issuer: Issuer, algorithm: str, secret: str | None
) -> None:
    header = {"alg": algorithm, "typ": "JWT", "kid": issuer.keys[0].kid}
    with pytest.raises(TokenRefused, match="signed by"):
        await AccessTokens(issuer.url, secret).verify(f"{encoded(header)}.{encoded(issuer.claims())}.")


@pytest.mark.parametrize("number", [0, 1], ids=["ES256", "RS256"])
@pytest.mark.parametrize("secret", [None, SECRET])
async def test_a_public_key_is_no_shared_secret(issuer: Issuer, number: int, secret: str | None) -> None:
    key = issuer.keys[number]
    public = key.private.public_key()
    for known in (
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        orjson.dumps(key.public),
    ):
        signing = f"{encoded({'alg': 'HS256', 'typ': 'JWT', 'kid': key.kid})}.{encoded(issuer.claims())}"
        signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(
            signing.encode(), known
        )
        forged = f"{signing}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"
        with pytest.raises(TokenRefused):
            await AccessTokens(issuer.url, secret).verify(forged)


async def test_a_key_that_the_project_does_not_publish_is_refused(
    issuer: Issuer, tokens: AccessTokens
) -> None:
    with pytest.raises(TokenRefused, match="does not publish"):
        await tokens.verify(issuer.token(SigningKey.new("ES256")))


async def test_a_foreign_key_under_a_published_id_is_refused(issuer: Issuer, tokens: AccessTokens) -> None:
    forged = SigningKey.new("ES256", issuer.keys[0].kid)
    with pytest.raises(TokenRefused, match="signature"):
        await tokens.verify(issuer.token(forged))


async def test_a_key_serves_its_own_algorithm_alone(issuer: Issuer, tokens: AccessTokens) -> None:
    crossed = SigningKey.new("ES256", issuer.keys[1].kid)
    with pytest.raises(TokenRefused, match="does not publish"):
        await tokens.verify(issuer.token(crossed))


async def test_a_key_that_comes_in_the_token_is_not_believed(issuer: Issuer, tokens: AccessTokens) -> None:
    own = SigningKey.new("ES256")
    headers = {"kid": own.kid, "jwk": own.public, "jku": "http://127.0.0.1:1/keys"}
    token = jwt.encode(issuer.claims(), own.private, algorithm="ES256", headers=headers)
    with pytest.raises(TokenRefused, match="does not publish"):
        await tokens.verify(token)


async def test_an_edited_payload_is_refused(issuer: Issuer, tokens: AccessTokens) -> None:
    header, _, signature = issuer.token().split(".")
    payload = encoded(issuer.claims(sub=str(uuid.uuid4())))
    with pytest.raises(TokenRefused, match="signature"):
        await tokens.verify(f"{header}.{payload}.{signature}")


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "..", "é.é.é", "x" * (LONGEST + 1), "e30.e30.e30"])
async def test_what_is_no_token_is_refused(tokens: AccessTokens, token: str) -> None:
    with pytest.raises(TokenRefused):
        await tokens.verify(token)


async def test_a_shared_secret_among_the_published_keys_is_not_taken(
    issuer: Issuer, tokens: AccessTokens
) -> None:
    secret = base64.urlsafe_b64encode(SECRET.encode()).rstrip(b"=").decode()
    issuer.extra = [{"kty": "oct", "k": secret, "kid": "shared", "alg": "HS256"}, {"kty": "odd"}]
    token = jwt.encode(issuer.claims(), SECRET, algorithm="HS256", headers={"kid": "shared"})
    with pytest.raises(TokenRefused):
        await tokens.verify(token)
    assert (await tokens.verify(issuer.token())).user_id == USER


# ---------------------------------------------------------------------- rotated keys


class Clock:
    """Time that the test moves."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def aging(issuer: Issuer, clock: Clock) -> AccessTokens:
    return AccessTokens(issuer.url, keys=KeySet(f"{issuer.url}/auth/v1/.well-known/jwks.json", clock=clock))


async def test_a_new_key_is_found_when_it_signs_first(
    issuer: Issuer, aging: AccessTokens, clock: Clock
) -> None:
    await aging.verify(issuer.token())
    clock.now += jwks._PAUSE_SECONDS
    issuer.keys.append(SigningKey.new("ES256"))
    assert (await aging.verify(issuer.token(issuer.keys[-1]))).user_id == USER
    assert issuer.asked == 2


async def test_made_up_key_ids_do_not_make_the_service_ask_again_and_again(
    issuer: Issuer, aging: AccessTokens, clock: Clock
) -> None:
    for _ in range(20):
        with pytest.raises(TokenRefused):
            await aging.verify(issuer.token(SigningKey.new("ES256")))
        clock.now += 1
    assert issuer.asked == 1


async def test_a_revoked_key_is_let_go(issuer: Issuer, aging: AccessTokens, clock: Clock) -> None:
    token = issuer.token()
    await aging.verify(token)
    del issuer.keys[0]
    clock.now += jwks._FRESH_SECONDS
    with pytest.raises(TokenRefused, match="does not publish"):
        await aging.verify(token)


async def test_known_keys_outlast_a_failure_of_the_project(
    issuer: Issuer, aging: AccessTokens, clock: Clock
) -> None:
    await aging.verify(issuer.token())
    issuer.broken = True
    clock.now += jwks._FRESH_SECONDS
    assert (await aging.verify(issuer.token())).user_id == USER


async def test_without_any_key_nobody_can_tell(issuer: Issuer, aging: AccessTokens) -> None:
    issuer.broken = True
    with pytest.raises(KeysUnreachable):
        await aging.verify(issuer.token())
    issuer.broken = False
    assert (await aging.verify(issuer.token())).user_id == USER
