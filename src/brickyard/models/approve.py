"""Records a person's consent to a version's becoming live."""

from __future__ import annotations

from dataclasses import dataclass

from brickyard.errors import ModelError, UsageError
from brickyard.models.evidence import DIGEST
from brickyard.models.lineage import Approval, approval_tag, approvals
from brickyard.models.moving import reconcile
from brickyard.models.site import Site, now

__all__ = ["Approved", "approve"]


@dataclass(frozen=True)
class Approved:
    """The approvals of a version after one was given.

    Attributes:
        version: The version.
        given: All that count.
        needed: How many the environment asks for.
        new: Whether this person had not approved before.
    """

    version: str
    given: tuple[Approval, ...]
    needed: int
    new: bool


def approve(site: Site, version: str, note: str = "") -> Approved:
    """Approve a version in the name of the signed-in user; a second time changes nothing.

    Raises:
        UsageError: The environment asks for no approvals.
        ModelError: The version is missing, or was not promoted there by Brickyard.
    """
    needed = site.environment.approvals
    if needed < 1:
        raise UsageError(
            f"'{site.environment.name}' asks for no approvals",
            where="brickyard.yml, environments",
            next=f"Set `approvals: 1` there, or promote: brickyard model promote {site.policy.key} "
            f"--to {site.environment.name}",
        )
    state = site.version(version)
    digest = state.tags.get(DIGEST)
    if not digest:
        raise ModelError(
            f"version {version} did not come here by a promotion, so it is not known what would be approved",
            where=site.label,
            next=f"brickyard model promote {site.policy.key} --to {site.environment.name}",
        )
    before = approvals(state.tags, version, digest, reconcile(site))
    if any(approval.by == site.user for approval in before):
        return Approved(version, tuple(before), needed, False)
    approval = Approval(site.user, now(), digest, note)
    key, value = approval_tag(approval)
    site.registry.tag_version(version, {key: value})
    return Approved(version, (*before, approval), needed, True)
