"""CloudFront and the bucket behind it, as stacks of environments and of Static Sites have them."""

from __future__ import annotations

from typing import Final

from emulator.errors import Position
from emulator.render.cloudformation.intrinsics import Ref
from emulator.render.cloudformation.template import Properties, Template

ZONE: Final = "Z2FDTNDATAQYW2"
"""CloudFront has one zone for all distributions."""
CACHE: Final = "658327ea-f89d-4fab-a63d-7e88639e58f6"
"""AWS's cache policy `CachingOptimized`."""
_ACCESS_CONTROL: Final = "CloudFrontOriginAccessControl"


def private_bucket() -> Properties:
    """Properties of a bucket that is encrypted, and that nothing makes public."""
    return {
        "BucketEncryption": {
            "ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
        },
        "PublicAccessBlockConfiguration": {
            "BlockPublicAcls": True,
            "BlockPublicPolicy": True,
            "IgnorePublicAcls": True,
            "RestrictPublicBuckets": True,
        },
    }


def add_access_control(template: Template, name: str, *, comment: str = "", position: Position | None = None) -> None:
    """Adds what lets CloudFront alone read the bucket of static files."""
    config = {
        "Description": "Access control for static s3 origin",
        "Name": name,
        "OriginAccessControlOriginType": "s3",
        "SigningBehavior": "always",
        "SigningProtocol": "sigv4",
    }
    properties: Properties = {"OriginAccessControlConfig": config}
    type = "AWS::CloudFront::OriginAccessControl"
    template.resource(_ACCESS_CONTROL, type, properties, comment=comment, position=position)


def bucket_origin(id: str, domain_name: object) -> Properties:
    """The bucket as an origin of a distribution."""
    return {
        "Id": id,
        "DomainName": domain_name,
        "OriginAccessControlId": Ref(_ACCESS_CONTROL),
        # CloudFront wants one beside the access control, even an empty one.
        "S3OriginConfig": {"OriginAccessIdentity": ""},
    }
