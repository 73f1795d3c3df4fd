"""Workers look for abandoned tasks ten times as often as kombu would, unless the application says otherwise."""

from __future__ import annotations

import pytest
from celery import Celery
from celery.signals import celeryd_init
from kombu.transport.redis import Channel

from telekeep.work.celery import redelivery
from telekeep.work.celery import task as task  # what every worker of ours loads


def started(**settings: object) -> dict[str, object]:
    """The transport options of a worker that has just started."""
    app = Celery("app", **settings)
    celeryd_init.send(sender="worker@here", instance=None, conf=app.conf, options={})
    return dict(app.conf.broker_transport_options)


@pytest.mark.parametrize("broker", ["redis://h/0", "redis+socket:///run/r.sock", "sentinel://a:1;sentinel://b:1"])
def test_a_worker_on_redis_looks_each_time(broker: str) -> None:
    assert started(broker=broker)[redelivery.OPTION] == 1
    assert redelivery.OPTION in Channel.from_transport_options, "kombu knows it by this name"


def test_what_the_application_says_stays() -> None:
    app = {"broker": "redis://h/0", "broker_transport_options": {"visibility_timeout": 60, redelivery.OPTION: 7}}
    assert started(**app) == app["broker_transport_options"]
    kept = started(broker="redis://h/0", broker_transport_options={"visibility_timeout": 60})
    assert kept == {"visibility_timeout": 60, redelivery.OPTION: 1}


@pytest.mark.parametrize("broker", ["amqp://h//", "sqs://", "memory://", "redis://h/0;amqp://h//"])
def test_other_brokers_are_left_alone(broker: str) -> None:
    assert redelivery.OPTION not in started(broker=broker)
