"""Changes of an endpoint under a rollout, and the counts of its table, without a workspace."""

import sqlite3
import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest
from databricks.sdk.errors import OperationFailed
from databricks.sdk.errors.platform import ResourceConflict
from databricks.sdk.service.serving import (
    AiGatewayConfig,
    AiGatewayInferenceTableConfig,
    AutoCaptureConfigInput,
    AutoCaptureConfigOutput,
    AutoCaptureState,
    EndpointCoreConfigOutput,
    EndpointState,
    EndpointStateReady,
    PayloadTable,
    Route,
    ServedEntityInput,
    ServedEntityOutput,
    ServingEndpointDetailed,
    TrafficConfig,
)

from brickyard.errors import ModelError, UsageError, WorkspaceRefused
from brickyard.models.rollout import _Trial, roll_out
from brickyard.models.served import CANDIDATE, ServedModel, TakenOff
from brickyard.models.trial import Observed
from brickyard.project import RolloutPolicy


class Endpoints:
    """Does the updates that it is let do; the others fail, or meet one that is under way."""

    def __init__(self, *outcomes):
        self.outcomes, self.waits = list(outcomes), 0
        self.served, self.traffic = [("live", "1")], TrafficConfig([Route(100, "live", "live")])

    def get(self, name):
        entities = [ServedEntityOutput(name=name, entity_version=version) for name, version in self.served]
        config = EndpointCoreConfigOutput(served_entities=entities, traffic_config=self.traffic)
        return ServingEndpointDetailed(name=name, config=config)

    def update_config_and_wait(self, name, served_entities, traffic_config, auto_capture_config, timeout):
        outcome = self.outcomes.pop(0) if self.outcomes else None
        if outcome is not None:
            raise outcome
        self.served = [(one.name, one.entity_version) for one in served_entities]
        self.traffic = traffic_config
        return self.get(name)

    def wait_get_serving_endpoint_not_updating(self, name, timeout):
        self.waits += 1
        raise OperationFailed("the candidate could not be loaded")


def served(api):
    entity = ServedEntityInput(entity_name="main.m.delay", entity_version="1", name="live")
    return ServedModel(api, "delay", entity, "1", AutoCaptureConfigInput("main", True, "m"), "main.m.delay_payload")


def test_a_candidate_that_is_being_loaded_is_taken_back_once_that_has_ended():
    api = Endpoints(ResourceConflict("it is being updated"))
    api.served = [("live", "1"), (CANDIDATE, "2")]
    served(api).put(None)
    assert (api.served, api.waits) == ([("live", "1")], 1)


def test_an_endpoint_that_others_go_on_changing_is_left_to_them():
    api = Endpoints(*[ResourceConflict("it is being updated")] * 9)
    with pytest.raises(WorkspaceRefused, match="it is being updated"):
        served(api).put(None)
    assert len(api.outcomes) == 6
    with pytest.raises(WorkspaceRefused):
        served(api).put("2", 10)
    assert (len(api.outcomes), api.waits) == (5, 2)


def test_a_step_that_could_not_be_applied_is_no_step():
    api = Endpoints(None, OperationFailed("no"))
    served(api).put("2", 10)
    with pytest.raises(ModelError, match="could not be changed"):
        served(api).put("2", 50)


def two_models(second="main.m.other", table=True):
    """An endpoint with a served entity of the model, one of another, and 60 % of the traffic for the first."""
    entities = [
        ServedEntityOutput(name=name, entity_name=model, entity_version="1", environment_vars={"A": "b"})
        for name, model in (("live", "main.m.delay"), ("second", second))
    ]
    capture = AutoCaptureConfigOutput("main", table, "m", AutoCaptureState(PayloadTable("main.m.delay_payload")), "d")
    config = EndpointCoreConfigOutput(
        capture, served_entities=entities, traffic_config=TrafficConfig([Route(60, "live"), Route(40, "second")])
    )
    gateway = AiGatewayConfig(inference_table_config=AiGatewayInferenceTableConfig(enabled=not table))
    state = EndpointState(ready=EndpointStateReady.READY)
    return ServingEndpointDetailed(name="delay", config=config, state=state, ai_gateway=gateway)


@pytest.fixture
def of(monkeypatch):
    def look(found):
        monkeypatch.setattr("databricks.sdk.service.serving.ServingEndpointsAPI", lambda api: api)
        where, api = site(RolloutPolicy()), Endpoints()
        api.get = lambda name: found
        where.connection.api = api
        return ServedModel.of(where), api

    return look


def test_other_models_of_the_endpoint_keep_their_share(of):
    trying, api = of(two_models())
    del api.get
    trying.put("2", 10)
    shares = {one.served_entity_name: one.traffic_percentage for one in api.traffic.routes}
    assert shares == {"second": 40, "live": 54, CANDIDATE: 6}
    assert api.served == [("second", "1"), ("live", "1"), (CANDIDATE, "2")]
    assert trying.others[0].environment_vars == {"A": "b"}
    trying.put(None)
    assert {one.served_entity_name: one.traffic_percentage for one in api.traffic.routes} == {"second": 40, "live": 60}
    asked = []
    warehouse = SimpleNamespace(execute=lambda text: asked.append(text) or SimpleNamespace(batches=list))
    with pytest.raises(ValueError, match="not enough values"):
        trying.observed(warehouse, {"2": 0})
    assert "lower(request_metadata['model_name']) = 'main.m.delay'" in asked[0]
    with pytest.raises(ModelError, match="1 % of the endpoint's traffic, which is too little"):
        replace(trying, shares={"second": 99}).put("2", 10)


def test_what_a_rollout_cannot_be_judged_by_is_told_before_it_begins(of):
    with pytest.raises(ModelError, match="by 'live', 'second'"):
        of(two_models("main.m.delay"))
    with pytest.raises(UsageError, match="table of the AI gateway, whose rows do not say"):
        of(two_models(table=False))


@pytest.mark.parametrize(("ready", "fault"), [("NOT_READY", "not ready any more"), ("READY", "somebody else")])
def test_a_trial_is_looked_after(ready, fault):
    api = Endpoints()
    found = api.get("delay")
    found.state = EndpointState(ready=EndpointStateReady(ready))
    api.get = lambda name: found
    with pytest.raises(ModelError, match=fault):
        served(api).require_trial("2")


@pytest.mark.parametrize("other", [{"served": [("live", "1"), (CANDIDATE, "3")]}, {"share": 10}])
def test_an_endpoint_that_serves_something_else_was_not_changed(other):
    api = Endpoints()
    share = other.get("share", 50)
    shown = {"live": 100 - share, CANDIDATE: share}
    api.served = other.get("served", [("live", "1"), (CANDIDATE, "2")])
    api.traffic = TrafficConfig([Route(part, name, name) for name, part in shown.items()])
    api.update_config_and_wait = lambda name, **_: api.get(name)
    with pytest.raises(ModelError, match="could not be changed"):
        served(api).put("2", 50)


class Trying:
    """A served model that shows one thing after another, and cannot put a version in place of the live one."""

    name, version, table, alias, candidate, claims = "delay", "1", "main.m.delay_payload", False, None, {}

    def __init__(self, *shown):
        self.shown, self.puts = list(shown), []

    def put(self, version, share=0):
        self.puts.append((version, share))

    def require_trial(self, version):
        assert version == "2"

    def observed(self, warehouse, since):
        return dict(zip(since, self.shown.pop(0), strict=True))

    def finish(self, version):
        raise ModelError("the endpoint could not be changed", where=self.name)

    def tell(self, text):
        pass

    claim = release = part = lambda self, *texts: None


def site(policy):
    tags = {}
    registry = SimpleNamespace(tag_version=lambda version, more: tags.update(more))
    model = SimpleNamespace(name="main.m.delay", key="delay", endpoint="delay", rollout=policy)
    version = SimpleNamespace(version="2")
    connection, environment = SimpleNamespace(api=None), SimpleNamespace(name="dev")
    return SimpleNamespace(
        environment=environment,
        policy=model,
        registry=registry,
        user="me",
        version=lambda _: version,
        connection=connection,
        tags=tags,
    )


def tried(trying, **rules):
    policy = RolloutPolicy(step_minutes=0, max_minutes=0.005, **rules)
    return _Trial(site(policy), trying, policy, None, "2", lambda text: None, 0).step(10)


def test_a_version_that_fails_more_than_it_may_is_not_tried_on():
    trying = Trying((Observed(1, 1), Observed()), (Observed(2, 2), Observed(9)), (Observed(), Observed()))
    assert not tried(trying).passed
    assert len(trying.shown) == 1


def test_a_rule_that_compares_waits_for_the_live_version():
    few, enough = Observed(99, 0, [1.0], {"": [1.0]}), Observed(100, 0, [1.0], {"": [1.0]})
    trying = Trying((enough, few), (enough, enough), (Observed(), Observed()))
    step = tried(trying, max_drift=0.2)
    assert (step.passed, step.live_requests, len(trying.shown)) == (True, 100, 1)


def test_a_version_that_cannot_be_put_in_place_is_taken_back(monkeypatch):
    trying = Trying((Observed(100), Observed(100)))
    monkeypatch.setattr(ServedModel, "of", lambda site: trying)
    monkeypatch.setattr("brickyard.scoring.warehouses.find_warehouse", lambda api, name: None)
    where = site(RolloutPolicy(steps=(10,), step_minutes=0))
    with pytest.raises(ModelError, match="could not be changed"):
        roll_out(where, "2", poll_seconds=0)
    assert trying.puts == [("2", 10), (None, 0)]
    assert '"interrupted"' in where.tags["brickyard_rollout"]


def test_an_endpoint_that_another_rollout_is_changing_is_left_to_it(monkeypatch):
    trying = Trying()
    monkeypatch.setattr(ServedModel, "of", lambda site: trying)
    monkeypatch.setattr("brickyard.scoring.warehouses.find_warehouse", lambda api, name: None)

    def busy(version, share=0):
        trying.puts.append((version, share))
        raise WorkspaceRefused("it is being updated")

    trying.put = busy
    where = site(RolloutPolicy(steps=(10,)))
    with pytest.raises(WorkspaceRefused):
        roll_out(where, "2")
    assert (trying.puts, where.tags) == ([("2", 10)], {})


def test_a_version_is_taken_back_where_nobody_reads_the_output(monkeypatch):
    trying = Trying()
    monkeypatch.setattr(ServedModel, "of", lambda site: trying)
    monkeypatch.setattr("brickyard.scoring.warehouses.find_warehouse", lambda api, name: None)
    where = site(RolloutPolicy())

    def gone(text):
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        roll_out(where, "2", gone)
    assert trying.puts == [("2", 10), (None, 0)]
    assert '"interrupted"' in where.tags["brickyard_rollout"]


def test_what_somebody_else_has_put_in_place_is_left_there(monkeypatch):
    trying = Trying((Observed(100), Observed(100)))
    monkeypatch.setattr(ServedModel, "of", lambda site: trying)
    monkeypatch.setattr("brickyard.scoring.warehouses.find_warehouse", lambda api, name: None)

    def changed(version):
        raise TakenOff("somebody else has changed it")

    trying.require_trial = changed
    where = site(RolloutPolicy(steps=(10, 50), step_minutes=0))
    with pytest.raises(TakenOff):
        roll_out(where, "2", poll_seconds=0)
    assert trying.puts == [("2", 10)]
    assert '"interrupted"' in where.tags["brickyard_rollout"]


class Shared(Endpoints):
    """The endpoint of two rollouts, each of which runs until both have come as far."""

    def __init__(self):
        super().__init__()
        self.tags, self.meeting = {}, threading.Barrier(2)

    def patch(self, name, add_tags, delete_tags):
        self.tags |= {one.key: one.value for one in add_tags}
        for key in delete_tags:
            self.tags.pop(key, None)
        if add_tags:
            self.meeting.wait(10)


def test_of_two_rollouts_that_begin_together_at_most_one_goes_on(monkeypatch):
    api, began, refused = Shared(), [], []

    looked = threading.local()

    def look(site):
        found = replace(served(api), claims={key.rpartition(".")[2]: who for key, who in api.tags.items()})
        if not hasattr(looked, "once"):
            looked.once = api.meeting.wait(10)
        return found

    monkeypatch.setattr(ServedModel, "of", look)
    monkeypatch.setattr("brickyard.scoring.warehouses.find_warehouse", lambda api, name: None)
    monkeypatch.setattr("brickyard.models.rollout._tried", began.append)

    def begin():
        try:
            roll_out(site(RolloutPolicy()), "2")
        except ModelError as error:
            refused.append(error)

    both = [threading.Thread(target=begin) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert len(began) <= 1 and len(began) + len(refused) == 2
    assert "another rollout has begun, or was killed when it did: me, 20" in refused[0].message
    assert "--abort" in refused[0].next
    assert api.tags == {}


def test_each_version_is_counted_whole_whatever_the_others_have_had():
    database = sqlite3.connect(":memory:")
    database.row_factory = sqlite3.Row
    database.execute("CREATE TABLE kept (version, timestamp_ms, execution_time_ms, response, status_code)")
    statuses = [None] * 5 + [503] * 15 + [400] * 40 + [200] * 24940
    rows = [("2" if at < 300 else "1", at, 3, '{"predictions": [1]}', status) for at, status in enumerate(statuses)]
    database.executemany("INSERT INTO kept VALUES (?, ?, ?, ?, ?)", rows)

    def execute(statement):
        text = statement.replace("`main`.`m`.`delay_payload`", "kept").replace(
            "request_metadata['model_version']", "version"
        )
        batch = [dict(row) for row in database.execute(text)]
        return SimpleNamespace(batches=lambda: [SimpleNamespace(to_pylist=lambda: batch)])

    found = served(None).observed(SimpleNamespace(execute=execute), {"2": 0, "1": 400})
    assert (found["2"].requests, found["2"].errors, found["2"].refused) == (300, 20, 40)
    assert (found["1"].requests, found["1"].errors, len(found["1"].milliseconds)) == (24600, 0, 20000)
    assert len(found["2"].predictions[""]) == 240
