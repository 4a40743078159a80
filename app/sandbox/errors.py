"""Error codes, their HTTP status and the texts that integrators saw (sections 3, 4.4, 5, 6, 7.2, 9, 13.3)."""

from __future__ import annotations

_GUIDELINES = ("Please review our integration guidelines at "
               "https://developers.tiktok.com/doc/content-sharing-guidelines/")
_OWNERSHIP = ("Please review our URL ownership verification rules at "
              "https://developers.tiktok.com/doc/content-posting-api-media-transfer-guide/#pull_from_url")

INVALID = "invalid_params"
BAD_CHUNK_SIZE = "The chunk size is invalid"
BAD_CHUNK_COUNT = "The total chunk count is invalid"
BAD_SOURCE = "The request source info is empty or incorrect"
BAD_POST_INFO = "The request post info is empty or incorrect"
BAD_MODE = "Invalid media_type or post_mode"

CODES: dict[str, tuple[int, str]] = {
    INVALID: (400, "The request parameters are invalid."),
    "invalid_file_upload": (400, "The file does not meet our API's specifications."),
    "invalid_publish_id": (400, "invalid_publish_id"),
    "token_not_authorized_for_specified_publish_id": (400, "The token is not authorized for the publish_id."),
    "publish_not_cancellable": (400, "The post has reached a final state and can't be cancelled."),
    "app_version_check_failed": (400, "The user's TikTok app version is too low."),
    "scope_permission_missed": (400, "Some of the requested fields need additional scopes."),
    "access_token_invalid": (401, "The access token is invalid or not found in the request."),
    "scope_not_authorized": (401, "The user did not authorize the scope required for completing this request."),
    "spam_risk_too_many_posts": (403, _GUIDELINES),
    "spam_risk_user_banned_from_posting": (403, _GUIDELINES),
    "spam_risk_too_many_pending_share": (403, _GUIDELINES),
    "spam_risk": (403, _GUIDELINES),
    "reached_active_user_cap": (403, _GUIDELINES),
    "unaudited_client_can_only_post_to_private_accounts": (403, _GUIDELINES),
    "privacy_level_option_mismatch": (403, _GUIDELINES),
    "url_ownership_unverified": (403, _OWNERSHIP),
    "rate_limit_exceeded": (429, "The API rate limit was exceeded. Please try again later."),
    "internal_error": (500, "Internal error. Please try again later."),
}

# Section 9: everything a failed publish can give as its reason
FAIL_REASONS = (
    "file_format_check_failed", "duration_check_failed", "frame_rate_check_failed", "picture_size_check_failed",
    "internal", "video_pull_failed", "photo_pull_failed", "publish_cancelled", "auth_removed",
    "spam_risk_too_many_posts", "spam_risk_user_banned_from_posting", "spam_risk_text", "spam_risk",
)


class ApiError(Exception):
    """An answer in the envelope whose code is not `ok`."""

    def __init__(self, code: str, message: str = "", *, status: int = 0, data: dict[str, object] | None = None) -> None:
        known_status, known_message = CODES.get(code, (400, code))
        super().__init__(code)
        self.code = code
        self.status = status or known_status
        self.message = message or known_message
        self.data = data


class OAuthError(Exception):
    """The flat error of the token and revoke endpoints (section 1.7)."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(error)
        self.error = error
        self.description = description
