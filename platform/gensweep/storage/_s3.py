"""An object store in an S3 bucket, of Amazon or of any other server that speaks S3."""

import base64
import hashlib
import io
import os
import secrets
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from gensweep.errors import UserError
from gensweep.patience import Patience, pause_before
from gensweep.stack_env import load_env
from gensweep.storage._errors import (
    MissingBucketError,
    MissingKeyError,
    StoreDeniedError,
    StoreError,
    StoreUnavailableError,
    bucket_away,
)
from gensweep.storage._keys import join_key, validated_key
from gensweep.storage._s3_clients import endpoint, renew_clients, s3_client

T = TypeVar("T")

WAIT_S = 60.0
"""How long other requests are repeated, unless the store is opened with more patience."""
PATIENCE_S = 3.0
"""How long `check` goes on repeating a request that a server could not serve."""
LARGE = 64 << 20
"""Bytes above which an object is sent in parts: a part that fails is sent again, not all of it."""
_ABSENT = {"NoSuchKey", "404", "NotFound", "NoSuchVersion"}
_DENIALS = {401, 403}
_DENIED = {
    "401", "403", "AccessDenied", "AllAccessDisabled", "AuthorizationHeaderMalformed",
    "ExpiredToken", "Forbidden", "InvalidAccessKeyId", "InvalidToken", "SignatureDoesNotMatch",
    "TokenRefreshRequired", "Unauthorized",
}  # fmt: skip


class S3Store:
    """Objects under `prefix` of a bucket. AWS's environment names endpoint, region, credentials.

    Methods repeat what a server could not serve, by default for about a minute, before they raise
    `StoreUnavailableError`; `check` gives up after `PATIENCE_S`. Credentials that were good and are
    refused by now, or a bucket that `was_there` and is not, are waited for in the same way: they
    may be renewed, and Swift knows of no bucket while its server of them is restarted. Thread safe.
    """

    def __init__(
        self,
        bucket: str,
        prefix: str = "",
        patience: Patience | None = None,
        *,
        was_there: bool = False,
    ) -> None:
        self._patience = patience or Patience(WAIT_S)
        self._has_served, self._was_there = False, was_there
        if not 3 <= len(bucket) <= 63:
            raise UserError(f"bucket {bucket!r} is no bucket's name: write s3://bucket/prefix.")
        self.bucket = bucket
        self.prefix = join_key(prefix) if prefix.strip("/") else ""

    @property
    def uri(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    def __repr__(self) -> str:
        return f"S3Store({self.uri!r})"

    def put(self, key: str, data: bytes) -> None:
        self._put(key, data, patient=True)

    def get(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        return self._get(key, start, length, patient=True)

    def exists(self, key: str) -> bool:
        try:
            self.size(key)
        except MissingKeyError:
            return False
        return True

    def size(self, key: str) -> int:
        full = self._full_key(key)

        def measure(s3: Any) -> int:
            try:
                return int(s3.head_object(Bucket=self.bucket, Key=full)["ContentLength"])
            except s3.exceptions.ClientError as error:
                if _status(error) == 404:  # without a body, which would say of what
                    self._refuse_missing_bucket(s3)
                raise

        return self._with_retries(key, measure)

    def _refuse_missing_bucket(self, s3: Any) -> None:
        try:
            s3.head_bucket(Bucket=self.bucket)
        except s3.exceptions.ClientError as error:
            if _status(error) not in _DENIALS:  # who may not ask of a bucket is told of no key
                raise

    def list_etags(self, prefix: str = "", patient: bool = True) -> dict[str, tuple[int, str]]:
        """Map each key that begins with `prefix` to its size in bytes and its entity tag.

        `patient` repeats a failed request for as long as the store's patience lasts; otherwise it
        gives up in seconds.
        """

        def collect(s3: Any) -> dict[str, tuple[int, str]]:
            pages = s3.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=self._root + prefix
            )
            objects = [item for page in pages for item in page.get("Contents", ())]
            cut = len(self._root)
            return {o["Key"][cut:]: (int(o["Size"]), o["ETag"].strip('"')) for o in objects}

        return self._with_retries(prefix, collect, patient)

    def list(self, prefix: str = "") -> list[str]:
        return sorted(self.list_etags(prefix))

    def delete(self, key: str) -> None:
        try:
            self._delete(key, patient=True)
        except MissingKeyError:  # Amazon answers 204 for a missing key, Swift 404
            return

    def check(self) -> None:
        # A key of its own for each probe: hosts of a cluster check the same store at once.
        key = f".probe-{secrets.token_hex(8)}"
        self._with_retries("", lambda s3: s3.head_bucket(Bucket=self.bucket), patient=False)
        self._put(key, b"probe", patient=False)
        try:
            if self._get(key, 0, None, patient=False) != b"probe":
                raise StoreError(f"{self.uri} returned other bytes than were written: check it.")
        finally:
            self._delete(key, patient=False)

    @property
    def _root(self) -> str:
        return f"{self.prefix}/" if self.prefix else ""

    def _full_key(self, key: str) -> str:
        return self._root + validated_key(key)

    def _put(self, key: str, data: bytes, patient: bool) -> None:
        full = self._full_key(key)

        def send(s3: Any) -> None:
            if len(data) > LARGE:  # aborts its parts when it fails
                s3.upload_fileobj(io.BytesIO(data), self.bucket, full)
                return
            # The server compares the digest: a body that broke on the way is refused, not stored.
            digest = hashlib.md5(data, usedforsecurity=False).digest()
            md5 = base64.b64encode(digest).decode()
            s3.put_object(Bucket=self.bucket, Key=full, Body=data, ContentMD5=md5)

        self._with_retries(key, send, patient)

    def _get(self, key: str, start: int, length: int | None, patient: bool) -> bytes:
        full = self._full_key(key)
        if length == 0:  # no range can say so
            return b""
        stop = "" if length is None else str(start + length - 1)
        ranged = {"Range": f"bytes={start}-{stop}"} if start or stop else {}

        def receive(s3: Any) -> bytes:
            try:
                answer = s3.get_object(Bucket=self.bucket, Key=full, **ranged)
            except s3.exceptions.ClientError as error:
                if error.response.get("Error", {}).get("Code") == "InvalidRange":
                    return b""  # begins at the object's end or beyond
                raise
            # Read within the retries: a connection may break in the middle of the body, too.
            return bytes(answer["Body"].read())

        return self._with_retries(key, receive, patient)

    def _delete(self, key: str, patient: bool) -> None:
        full = self._full_key(key)
        self._with_retries(key, lambda s3: s3.delete_object(Bucket=self.bucket, Key=full), patient)

    def _with_retries(self, key: str, action: Callable[[Any], T], patient: bool = True) -> T:
        """Run `action` with a client, again if no server answers; errors are put in words."""
        if not patient:
            return self._serve(key, action, patient=False)
        answer = self._patience.keep_trying(lambda: self._serve(key, action, patient=True))
        self._has_served = self._was_there = True
        return answer

    def _serve(self, key: str, action: Callable[[Any], T], patient: bool) -> T:
        """Run `action` once more; a refusal counts as absence where there was none before."""
        try:
            return self._try(key, action, patient)
        except StoreDeniedError as refused:
            if not self._has_served:
                raise
            renew_clients()
            raise StoreUnavailableError(str(refused)) from None
        except MissingBucketError:
            if not self._was_there:
                raise
            raise bucket_away(self.uri) from None

    def _try(self, key: str, action: Callable[[Any], T], patient: bool) -> T:
        """Run `action`, again after a broken answer: what botocore does not know as transient."""
        from botocore.exceptions import BotoCoreError, ClientError

        began, attempt = time.monotonic(), 0
        while True:
            try:
                return action(s3_client(patient))
            except (BotoCoreError, ClientError, OSError, ValueError) as error:
                failure = self._explain(key, error)
                late = time.monotonic() - began > PATIENCE_S / 2
                if not _worth_retrying(error, patient) or (attempt >= 4 if patient else late):
                    raise failure from None
            attempt += 1
            time.sleep(pause_before(attempt))

    def _explain(self, key: str, error: Exception) -> Exception:
        """Put the error in the user's terms; botocore's own text may quote a header, a secret."""
        from botocore import exceptions as boto

        where = endpoint()
        if isinstance(error, boto.ClientError):
            return self._explain_answer(key, error, where)
        if isinstance(error, (boto.NoCredentialsError, boto.PartialCredentialsError)):
            return StoreError(
                f"no credentials for {self.uri}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
            )
        if isinstance(error, boto.ProfileNotFound):
            profile = os.environ.get("AWS_PROFILE", "")
            return StoreError(f"AWS_PROFILE={profile!r} does not exist: correct or unset it.")
        if isinstance(error, (boto.ConnectionError, boto.HTTPClientError, OSError)):
            return StoreUnavailableError(
                f"no S3 server answers at {where} ({type(error).__name__}): start it (the embedded "
                "one by `gensweep up`), or correct AWS_ENDPOINT_URL."
            )
        if not isinstance(error, boto.BotoCoreError):
            return StoreError(f"{where!r} is no address: set AWS_ENDPOINT_URL=http://host:port.")
        return StoreError(f"{self.uri} cannot be used ({type(error).__name__}): check the URI.")

    def _explain_answer(self, key: str, error: Any, where: str) -> Exception:
        # Servers other than Amazon's often send no code, above all to HEAD: the status says it too.
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = _status(error)
        on_bucket = error.operation_name in {"HeadBucket", "ListObjectsV2"}
        if code == "NoSuchBucket" or (on_bucket and status == 404):
            if self._is_of_the_stack(where):
                return bucket_away(self.uri)
            return MissingBucketError(
                f"bucket {self.bucket!r} does not exist at {where}: create it, or correct the URI."
            )
        if code in _ABSENT:
            return MissingKeyError(f"{self.uri}/{key}")
        if code in _DENIED or status in _DENIALS:
            return StoreDeniedError(
                f"{where} refuses access to bucket {self.bucket!r} ({code}): check "
                "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the bucket's policy."
            )
        if status >= 500 or status == 429:
            return StoreUnavailableError(
                f"{where} cannot serve {self.uri} ({code}): try again later."
            )
        return StoreError(
            f"{where} refuses {error.operation_name} in {self.uri} ({code}): check the URI and "
            "AWS_REGION."
        )

    def _is_of_the_stack(self, where: str) -> bool:
        """Return whether the bucket is that which the embedded stack makes when it starts."""
        stack = load_env()
        there = (stack.get("AWS_ENDPOINT_URL"), stack.get("GENSWEEP_STORE"))
        return there == (where, f"s3://{self.bucket}")


def _status(error: Any) -> int:
    """Return the HTTP status of an answer that botocore raised; 0 if it says none."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _worth_retrying(error: Exception, patient: bool) -> bool:
    """Return whether to try again ourselves: botocore repeats requests, not broken bodies."""
    from botocore import exceptions as boto

    if isinstance(error, (boto.IncompleteReadError, boto.ResponseStreamingError)):
        return True
    if isinstance(error, boto.ClientError):
        # A patient client has had botocore repeat these already; the other one makes one attempt.
        return not patient and _status(error) >= 500
    return patient and isinstance(error, OSError)


if TYPE_CHECKING:
    from gensweep.storage._protocol import ObjectStore

    _: ObjectStore = S3Store("bucket")
