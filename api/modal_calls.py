"""What hands runs to the deployed Modal app that the settings name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import SecretStr

from api.settings import Settings, SettingsError
from solver_jobs.run_tokens import RunTokens, SigningKeyWrong

if TYPE_CHECKING:
    from solver_jobs.modal_calls import ModalCalls


def modal_calls(settings: Settings, app: str) -> ModalCalls:
    """Hand runs to the functions of an app, with a token for each run where the project's key is set.

    Raises
    ------
    SettingsError
        The package is not installed, or the signing key is none.
    """
    try:
        import modal

        from solver_jobs.modal_calls import ModalCalls
    except ImportError as error:
        raise SettingsError(
            f"POURPLAN_MODAL_APP is {app!r}, and the package modal is not installed: "
            "pip install 'pourplan[modal]', or unset it to run jobs on this machine"
        ) from error
    try:
        tokens = RunTokens.by(_text(settings.supabase_signing_key), _text(settings.supabase_jwt_secret))
    except SigningKeyWrong as error:
        raise SettingsError(f"SUPABASE_SIGNING_KEY: {error}") from None
    return ModalCalls(lambda kind: modal.Function.from_name(app, kind.lower()), tokens)


def _text(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
