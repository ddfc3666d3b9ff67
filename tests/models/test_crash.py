"""Killed at any write: what is live is true, and the same command run again completes."""

import contextlib
from dataclasses import replace
from functools import partial

import pytest

from brickyard.errors import ApprovalMissing
from brickyard.models.approve import approve
from brickyard.models.history import INTENT, read_intent, write_intent
from brickyard.models.moving import move
from brickyard.models.promote import promote
from brickyard.models.registry import Registry
from brickyard.models.rollback import rollback
from brickyard.models.status import history


class Killed(BaseException):
    """The process ends here; a BaseException, so that no code tidies up on an error."""


class DyingRegistry(Registry):
    """A registry whose process is killed before or after its n-th request that writes."""

    def __init__(self, base: Registry, writes: int, *, after: bool) -> None:
        self.__dict__.update(base.__dict__)
        self.left, self.after = writes, after

    def _write(self, request):
        self.left -= 1
        if self.left == 0 and not self.after:
            raise Killed
        answer = request()
        if self.left == 0:
            raise Killed
        return answer

    def ensure_model(self):
        self._write(super().ensure_model)

    def create_version(self, *arguments):
        return self._write(partial(super().create_version, *arguments))

    def delete_version(self, version):
        self._write(partial(super().delete_version, version))

    def set_alias(self, alias, version):
        self._write(partial(super().set_alias, alias, version))

    def tag_version(self, version, tags):
        for key, value in tags.items():
            self._write(partial(super().tag_version, version, {key: value}))

    def tag_model(self, tags, remove=()):
        for key, value in tags.items():
            self._write(partial(super().tag_model, {key: value}))
        for key in remove:
            self._write(partial(super().tag_model, {}, remove=(key,)))


def killed_site(lab, environment, writes, *, after):
    site = lab.site(environment)
    site.__dict__["registry"] = DyingRegistry(site.registry, writes, after=after)
    return site


def recorded_truth(site):
    """The history is in line with the alias, and nothing is left over."""
    events = history(site)
    assert (events[-1].version if events else None) == site.model().aliases.get("champion")
    assert [event.number for event in events] == list(range(1, len(events) + 1))
    return [(event.action, event.version) for event in events]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_promotion_killed_at_any_write_is_completed_by_the_same_command(lab, after):
    lab.write_project(approvals=1)
    lab.train(["hour", "wind"])
    dev = lab.site("dev")
    promote(dev, dev)
    for writes in range(1, 12):
        try:
            with contextlib.suppress(ApprovalMissing):
                promote(dev, killed_site(lab, "prod", writes, after=after))
        except Killed:
            prod = lab.site("prod")
            if prod.registry.model() is not None:
                assert recorded_truth(prod) == []
            continue
        break
    prod = lab.site("prod")
    assert [version.version for version in prod.registry.versions() if version.ready] == ["1"]
    approve(prod, "1")
    for writes in range(1, 12):
        try:
            promote(dev, killed_site(lab, "prod", writes, after=after))
        except Killed:
            assert recorded_truth(lab.site("prod")) in ([], [("promote", "1")])
            continue
        break
    assert recorded_truth(lab.site("prod")) == [("promote", "1")]
    assert history(prod)[0].by == prod.user
    assert INTENT not in prod.model().tags


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_rollback_killed_at_any_write_is_completed_and_not_done_twice(lab, after):
    for features in (["wind"], ["hour"], ["hour", "wind"]):
        lab.train(features)
    for version in ("1", "2"):
        move(lab.site("dev"), version, "promote")
    for writes in range(1, 5):
        move(lab.site("dev"), "3", "promote")
        told = []
        with pytest.raises(Killed):
            rollback(killed_site(lab, "dev", writes, after=after), tell=told.append)
        recorded_truth(lab.site("dev"))
        if told:
            assert writes == 4, "told before it was done"
        if not (told and after):
            # Whoever was told, and whose last write was done, has nothing left to complete: again is one step more.
            assert rollback(lab.site("dev")).resumed == (writes > 1 or after)
        site = lab.site("dev")
        assert site.model().aliases["champion"] == "2"
        assert recorded_truth(site)[-1] == ("rollback", "2")
        assert INTENT not in site.model().tags
    assert [action for action, _ in recorded_truth(lab.site("dev"))] == ["promote"] * 2 + ["promote", "rollback"] * 4


def test_a_rollback_that_could_not_say_what_it_did_is_told_and_not_repeated(lab):
    for features in (["wind"], ["hour"], ["hour", "wind"]):
        move(lab.site("dev"), lab.train(features), "promote")

    def killed(done):
        raise Killed

    for _ in range(2):  # killed while it tells, twice
        with pytest.raises(Killed):
            rollback(lab.site("dev"), tell=killed)
    told = []
    rollback(lab.site("dev"), tell=told.append)
    assert [(done.event.version, done.resumed) for done in told] == [("2", True)]
    assert rollback(lab.site("dev")).event.version == "1"
    assert [version for _, version in recorded_truth(lab.site("dev"))] == ["1", "2", "3", "2", "1"]


def test_another_persons_interrupted_rollback_does_not_stand_in_for_mine(lab):
    for features in (["wind"], ["hour"], ["hour", "wind"]):
        move(lab.site("dev"), lab.train(features), "promote")
    with pytest.raises(Killed):
        rollback(killed_site(lab, "dev", 3, after=True))
    site = lab.site("dev")
    theirs = replace(read_intent(site.model().tags), by="somebody else")
    site.registry.tag_model({INTENT: write_intent(theirs)})
    done = rollback(site)
    assert (done.event.version, done.resumed) == ("1", False)
