"""What a client asks while it signs in and deploys an app."""

import base64
import time
from typing import Any

import orjson
from grpclib import Status
from modal_proto import api_pb2 as pb

from tests.peers.modal.plane import Result
from tests.peers.modal.rpc import Group, NoAnswer, refused, rpc

_PAGE = "http://127.0.0.1/app"


class Session(Group):
    """Signing in."""

    @rpc("ClientHello")
    async def hello(self, request: Any) -> Any:
        return pb.ClientHelloResponse()

    @rpc("AuthTokenGet")
    async def token(self, request: Any) -> Any:
        parts = ({"alg": "none"}, {"exp": int(time.time()) + 86400})
        encoded = [base64.urlsafe_b64encode(orjson.dumps(part)).rstrip(b"=").decode() for part in parts]
        return pb.AuthTokenGetResponse(token=".".join([*encoded, "x"]))

    @rpc("EnvironmentGetOrCreate")
    async def environment(self, request: Any) -> Any:
        settings = pb.EnvironmentSettings(image_builder_version="2025.06")
        metadata = pb.EnvironmentMetadata(name=request.deployment_name or "main", settings=settings)
        return pb.EnvironmentGetOrCreateResponse(environment_id="en-1", metadata=metadata)


class Deploying(Group):
    """Apps, files, secrets, images, functions."""

    @rpc("AppGetByDeploymentName")
    async def app_by_name(self, request: Any) -> Any:
        return pb.AppGetByDeploymentNameResponse(app_id=self.plane.apps.get(request.name, ""))

    @rpc("AppCreate")
    async def create_app(self, request: Any) -> Any:
        return pb.AppCreateResponse(app_id=self.plane.new_id("ap"), app_page_url=_PAGE)

    @rpc("AppGetOrCreate")
    async def get_app(self, request: Any) -> Any:
        if request.app_name not in self.plane.apps:
            raise refused(Status.NOT_FOUND, f"App '{request.app_name}' not found")
        return pb.AppGetOrCreateResponse(app_id=self.plane.apps[request.app_name])

    @rpc("AppGetLayout")
    async def app_layout(self, request: Any) -> Any:
        return pb.AppGetLayoutResponse(app_layout=self.plane.app_layout(request.app_id))

    @rpc("AppHeartbeat")
    async def app_heartbeat(self, request: Any) -> Any:
        return NoAnswer()

    @rpc("AppClientDisconnect")
    async def app_disconnect(self, request: Any) -> Any:
        return NoAnswer()

    @rpc("AppPublish")
    async def publish_app(self, request: Any) -> Any:
        self.plane.apps[request.name] = request.app_id
        self.plane.published[request.app_id] = dict(request.function_ids)
        return pb.AppPublishResponse(url=_PAGE, deployed_at=time.time())

    @rpc("MountBatchedCheckExistence")
    async def check_files(self, request: Any) -> Any:
        missing = [sha for sha in request.sha256_hex_hashes if sha not in self.plane.files]
        return pb.MountBatchedCheckExistenceResponse(missing_sha256_hex_hashes=missing)

    @rpc("MountPutFile")
    async def put_file(self, request: Any) -> Any:
        if request.WhichOneof("data_oneof") == "data":
            self.plane.files[request.sha256_hex] = request.data
        return pb.MountPutFileResponse(exists=request.sha256_hex in self.plane.files)

    @rpc("MountGetOrCreate")
    async def create_mount(self, request: Any) -> Any:
        mount_id = self.plane.new_id("mo")
        self.plane.mounts[mount_id] = {file.filename: file.sha256_hex for file in request.files}
        metadata = pb.MountHandleMetadata(content_checksum_sha256_hex="0" * 64)
        return pb.MountGetOrCreateResponse(mount_id=mount_id, handle_metadata=metadata)

    @rpc("SecretGetOrCreate")
    async def find_secret(self, request: Any) -> Any:
        """Find a secret that was declared by name; a deployment may not make one."""
        secret = self.plane.secrets.get(request.deployment_name)
        if secret is None:
            raise refused(Status.NOT_FOUND, f"Secret '{request.deployment_name}' not found")
        lacking = [key for key in request.required_keys if key not in secret]
        if lacking:
            raise refused(
                Status.FAILED_PRECONDITION, f"Secret '{request.deployment_name}' lacks keys {lacking}"
            )
        return pb.SecretGetOrCreateResponse(secret_id=f"st-{request.deployment_name}")

    @rpc("ImageGetOrCreate")
    async def create_image(self, request: Any) -> Any:
        image_id = self.plane.new_id("im")
        self.plane.images[image_id] = request.image
        return pb.ImageGetOrCreateResponse(
            image_id=image_id,
            result=Result(status=Result.GENERIC_STATUS_SUCCESS),
            metadata=pb.ImageMetadata(image_builder_version=request.builder_version),
        )

    @rpc("FunctionPrecreate")
    async def announce_function(self, request: Any) -> Any:
        metadata = pb.FunctionHandleMetadata(
            function_name=request.function_name, function_type=request.function_type, app_id=request.app_id
        )
        return pb.FunctionPrecreateResponse(
            function_id=request.existing_function_id or self.plane.new_id("fu"), handle_metadata=metadata
        )

    @rpc("FunctionCreate")
    async def create_function(self, request: Any) -> Any:
        function_id = request.existing_function_id or self.plane.new_id("fu")
        function = pb.Function()
        function.CopyFrom(request.function)
        self.plane.functions[function_id] = function
        return pb.FunctionCreateResponse(
            function_id=function_id,
            function=function,
            function_data=self.plane.function_data(function_id),
            handle_metadata=self.plane.function_handle(function_id, request.app_id),
        )
