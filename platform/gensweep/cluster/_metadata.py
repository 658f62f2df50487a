"""Reads EC2's instance metadata service, version 2, in which each question needs a token."""

import http.client
import os
import urllib.error
import urllib.request

ENDPOINT = "http://169.254.169.254"
TOKEN_S = 300


class InstanceMetadata:
    """Reads what this instance is told about itself.

    The endpoint is that of EC2, or AWS_EC2_METADATA_SERVICE_ENDPOINT, as for AWS's own clients.
    """

    def __init__(self, endpoint: str | None = None, timeout_s: float = 5.0) -> None:
        found = endpoint or os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") or ENDPOINT
        self._endpoint, self._timeout_s = found.rstrip("/"), timeout_s
        # Never by a proxy: the service answers on the link alone, and only the instance itself.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self._token = ""

    def read(self, path: str) -> str | None:
        """Read the text at `/latest/meta-data/<path>`; None if there is none.

        Raises `OSError` if the service does not answer, or with another status.
        """
        # A token that expired is answered by 401: one more try, with a fresh one.
        for fresh in (False, True):
            try:
                if fresh or not self._token:
                    self._token = self._request("PUT", "api/token", {_TTL: str(TOKEN_S)}).strip()
                return self._request("GET", f"meta-data/{path}", {_TOKEN: self._token})
            except urllib.error.HTTPError as error:
                if error.code == 404:
                    return None
                if error.code != 401 or fresh:
                    raise OSError(f"the metadata service at {self._endpoint} answers {error.code}: "
                                  "is this an instance of EC2?") from None  # fmt: skip
        raise AssertionError("unreachable")

    def instance_id(self) -> str:
        return self._require("instance-id")

    def private_address(self) -> str:
        """The private IPv4 address of this host."""
        return self._require("local-ipv4")

    def _require(self, path: str) -> str:
        found = self.read(path)
        if not found:
            raise OSError(f"the metadata service at {self._endpoint} knows no {path}")
        return found.strip()

    def _request(self, method: str, path: str, headers: dict[str, str]) -> str:
        request = urllib.request.Request(
            f"{self._endpoint}/latest/{path}", method=method, headers=headers
        )
        try:
            with self._opener.open(request, timeout=self._timeout_s) as answer:
                return str(answer.read().decode())
        except http.client.HTTPException as error:
            raise OSError(f"the metadata service at {self._endpoint} broke off: {error}") from error


_TTL = "X-aws-ec2-metadata-token-ttl-seconds"
_TOKEN = "X-aws-ec2-metadata-token"
