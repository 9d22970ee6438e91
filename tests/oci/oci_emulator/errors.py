# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors as the API gives them."""

from __future__ import annotations


class ApiError(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def not_authenticated(message: str) -> ApiError:
    return ApiError(401, "NotAuthenticated", message)


def not_found() -> ApiError:
    # One answer for what is not there and for what may not be seen, as the real one.
    return ApiError(404, "NotAuthorizedOrNotFound", "Authorization failed or requested resource not found.")


def invalid(message: str) -> ApiError:
    return ApiError(400, "InvalidParameter", message)


def conflict(code: str, message: str) -> ApiError:
    return ApiError(409, code, message)
