"""A Static Site as a stack without functions: the bucket, CloudFront in front of it, and the commands that copy files.

Copilot copies files by a state machine and functions, and makes certificate and records by functions too. Here files
are copied by `aws s3`, the certificate is a parameter, and the record is a resource where a zone is given. Source:
Copilot, templates/workloads/services/static-site/cf.yml.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from emulator.render.cloudformation.environment import cloudfront
from emulator.render.cloudformation.intrinsics import GetAtt, Ref, Sub, is_set
from emulator.render.cloudformation.policies import document, statement
from emulator.render.cloudformation.template import RETAINED, Properties, Template
from emulator.render.cloudformation.writer import to_yaml

_REWRITE: Final = """\
function handler(event) {
  var request = event.request;
  if (request.uri.endsWith('/')) {
    request.uri += 'index.html';
  } else if (!request.uri.split('/').pop().includes('.')) {
    request.uri += '/index.html';
  }
  return request;
}
"""


@dataclass(frozen=True, slots=True)
class Upload:
    """One entry of `files`: what is copied, where to, and which names of a folder are left out and taken again."""

    source: str
    destination: str = ""
    recursive: bool = False
    exclude: tuple[str, ...] = ()
    reinclude: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StaticSite:
    """One Static Site of one environment. `certificate`: of us-east-1, for the aliases."""

    app: str
    environment: str
    name: str
    aliases: tuple[str, ...] = ()
    certificate: str | None = None
    uploads: tuple[Upload, ...] = ()


def render_static_site(site: StaticSite, *, source: str = "") -> str:
    """The stack's template as YAML."""
    template = Template(description=f"{site.name}, a static site, in {site.app}-{site.environment}")
    name = f"copilot-{site.app}-{site.environment}-{site.name}"
    bucket = template.resource(
        "Bucket",
        "AWS::S3::Bucket",
        {
            **cloudfront.private_bucket(),
            "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        },
        comment="The site's files. They stay when the stack goes",
    )
    template.resources["Bucket"].other = dict(RETAINED)
    template.resource("BucketPolicyForCloudFront", "AWS::S3::BucketPolicy", _bucket_policy(bucket))
    cloudfront.add_access_control(
        template, f"{name}-origin-access-control"[:64], comment="Lets CloudFront alone read the bucket"
    )
    template.resource(
        "CloudFrontRewriteFunction",
        "AWS::CloudFront::Function",
        {
            "Name": f"{name}-rewrite"[:64],
            "AutoPublish": True,
            "FunctionCode": _REWRITE,
            "FunctionConfig": {"Comment": "Folders lead to their index.html", "Runtime": "cloudfront-js-2.0"},
        },
        comment="`/` and `/docs` are `/index.html` and `/docs/index.html`, as in Copilot",
    )
    template.resource(
        "CloudFrontDistribution", "AWS::CloudFront::Distribution", {"DistributionConfig": _config(template, site, name)}
    )
    _records(template, site)
    template.output("BucketName", bucket, "Where the files are copied to.")
    template.output("CloudFrontDomainName", GetAtt("CloudFrontDistribution", "DomainName"), "The site's address.")
    template.output("CloudFrontDistributionId", Ref("CloudFrontDistribution"), "For invalidations.")
    header = f"{site.name} of {site.app}, environment {site.environment}." + (
        f" Proposed for {source}." if source else ""
    )
    return to_yaml(template.document(), header=header)


def upload_commands(site: StaticSite, folders: Collection[str]) -> list[str]:
    """The commands that copy the files, and the one that makes CloudFront fetch them anew. `$BUCKET` and
    `$DISTRIBUTION` are outputs of the stack; `folders` are the sources that are folders."""
    lines = []
    for upload in site.uploads:
        filters = [f"--exclude {shlex.quote(it)}" for it in upload.exclude]
        filters += [f"--include {shlex.quote(it)}" for it in upload.reinclude]
        if upload.source in folders and not upload.recursive:
            filters.append("--exclude '*/*'")  # last, so that nothing below comes back
        target = "/".join(filter(None, ["s3://$BUCKET", upload.destination.strip("/")]))
        if upload.recursive or upload.source in folders:
            lines.append(" ".join(["aws s3 sync", shlex.quote(upload.source), f'"{target}"', *filters]))
        else:
            lines.append(f'aws s3 cp {shlex.quote(upload.source)} "{target}/"')
    lines.append('aws cloudfront create-invalidation --distribution-id "$DISTRIBUTION" --paths "/*"')
    return lines


def _bucket_policy(bucket: Ref) -> Properties:
    arn = Sub("arn:${AWS::Partition}:s3:::${Bucket}/*")
    distribution = Sub("arn:${AWS::Partition}:cloudfront::${AWS::AccountId}:distribution/${CloudFrontDistribution}")
    allowed = statement("s3:GetObject", [arn], condition={"StringEquals": {"AWS:SourceArn": distribution}})
    return {
        "Bucket": bucket,
        "PolicyDocument": document([{**allowed, "Principal": {"Service": "cloudfront.amazonaws.com"}}]),
    }


def _config(template: Template, site: StaticSite, name: str) -> Properties:
    found: Properties = {}
    if site.aliases:
        certificate: object = site.certificate or template.parameter(
            "CertificateArn", f"ARN of a certificate in us-east-1 for {', '.join(site.aliases)}."
        )
        found["Aliases"] = list(site.aliases)
        found["ViewerCertificate"] = {
            "AcmCertificateArn": certificate,
            "MinimumProtocolVersion": "TLSv1.2_2021",
            "SslSupportMethod": "sni-only",
        }
    return {
        **found,
        "DefaultCacheBehavior": {
            "AllowedMethods": ["GET", "HEAD", "OPTIONS"],
            "ViewerProtocolPolicy": "redirect-to-https",
            "CachePolicyId": cloudfront.CACHE,
            "TargetOriginId": name,
            "FunctionAssociations": [
                {
                    "EventType": "viewer-request",
                    "FunctionARN": GetAtt("CloudFrontRewriteFunction", "FunctionARN"),
                }
            ],
        },
        "DefaultRootObject": "index.html",
        "Enabled": True,
        "IPV6Enabled": True,
        "Origins": [cloudfront.bucket_origin(name, GetAtt("Bucket", "RegionalDomainName"))],
    }


def _records(template: Template, site: StaticSite) -> None:
    """A record for each alias, where the stack is given the zone."""
    if not site.aliases:
        return
    zone = template.parameter(
        "HostedZoneId", "The hosted zone of the site's names. Empty: the records are made by hand.", default=""
    )
    target = cloudfront.ZONE, GetAtt("CloudFrontDistribution", "DomainName")
    condition = template.condition("HasHostedZoneId", is_set("HostedZoneId"))
    template.records("AliasRecords", zone, site.aliases, target, types=("A", "AAAA"), condition=condition)


def static_site(manifest: Mapping[str, object], *, app: str, environment: str) -> StaticSite:
    """The site of a manifest that is merged for an environment."""
    http = manifest.get("http")
    http = http if isinstance(http, Mapping) else {}
    files = manifest.get("files")
    certificate = http.get("certificate")
    return StaticSite(
        app=app,
        environment=environment,
        name=str(manifest.get("name", "")),
        aliases=_texts(http.get("alias")),
        certificate=str(certificate) if certificate else None,
        uploads=tuple(_upload(it) for it in files if isinstance(it, Mapping)) if isinstance(files, Sequence) else (),
    )


def _upload(entry: Mapping[object, object]) -> Upload:
    return Upload(
        source=str(entry.get("source", "")),
        destination=str(entry.get("destination") or ""),
        recursive=bool(entry.get("recursive")),
        exclude=_texts(entry.get("exclude")),
        reinclude=_texts(entry.get("reinclude")),
    )


def _texts(value: object) -> tuple[str, ...]:
    """A text, or a list of texts."""
    if isinstance(value, str):
        return tuple(filter(None, (it.strip() for it in value.split(","))))
    return tuple(str(it) for it in value) if isinstance(value, list) else ()
