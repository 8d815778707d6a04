"""Errors as ECS answers them. Source: the ECS API reference (Common Errors), and moto's tests for the texts."""

from __future__ import annotations

from http import HTTPStatus


class ApiError(Exception):
    """An error with AWS's code. Everything that is the caller's own is answered with 400, as by ECS."""

    def __init__(self, code: str, message: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


def invalid(message: str) -> ApiError:
    """A parameter that does not fit."""
    return ApiError("InvalidParameterException", message)


def client_error(message: str) -> ApiError:
    """Something that is not there, or may not be."""
    return ApiError("ClientException", message)


def no_cluster() -> ApiError:
    """A cluster that does not run here."""
    return ApiError("ClusterNotFoundException", "Cluster not found.")


def no_service() -> ApiError:
    """A service that does not run in the cluster."""
    return ApiError("ServiceNotFoundException", "Service not found.")


def not_idempotent() -> ApiError:
    """A service of that name is there, and another one than a creation asks for."""
    return invalid("Creation of service was not idempotent.")


def unsupported(what: str) -> ApiError:
    """What ECS does and this API does not."""
    return ApiError("UnsupportedFeatureException", what)
