import asyncio

import pytest
from aiohttp import web

from edge_agent.clock import NS_PER_S
from edge_agent.store.seal import parse
from edge_agent.sync.client import SET_ASIDE_S
from edge_agent.sync.protocol import ANSWER_LIMIT_OCTETS, NO_HASH, Receipt, Refusal, split
from edge_agent.sync.routes import Route


def answering(status, body=b"", **headers):
    async def answer(_request, _octets):
        return web.Response(status=status, body=body, headers=headers)

    return answer


async def test_alarms_go_first_and_all_leave_the_outbox_on_receipt(rig, collector):
    ids = {name: await rig.add(name) for name in ("SUMMARY", "EVENT", "ALARM")}
    rig.start()
    await rig.until_empty()
    assert collector.arrived == [ids["ALARM"], ids["SUMMARY"], ids["EVENT"]]
    state = rig.uploader.state
    assert (state.sent, state.duplicates, state.refused) == (3, 0, 0)
    assert state.connected
    assert state.last_success == rig.clock.boottime()
    assert (await rig.outbox.counts()).delivered_total == 3


async def test_one_batch_is_in_flight_at_a_time_and_they_grow(rig, collector):
    running, most = 0, 0

    async def slowly(_request, octets):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1
        return collector.keep(octets)

    collector.always = slowly
    for _ in range(150):
        await rig.add()
    rig.start()
    await rig.until_empty()
    assert most == 1
    assert [len(batch) for batch in collector.requests] == [16, 32, 64, 38]
    assert (rig.uploader.state.batches, rig.uploader.state.sent) == (4, 150)


async def test_a_way_that_is_slow_gets_smaller_batches(rig, collector):
    async def slowly(_request, octets):
        await rig.clock.advance(1.5)
        return collector.keep(octets)

    collector.always = slowly
    for _ in range(40):
        await rig.add()
    rig.start()
    await rig.until_empty()
    assert [len(batch) for batch in collector.requests] == [16, 8, 4, 2, *[1] * 10]


async def test_a_new_record_waits_for_the_poll_or_for_wake(rig, collector):
    rig.start()
    await asyncio.sleep(0.05)
    first = await rig.add("ALARM")
    rig.uploader.wake()
    await rig.until_empty()
    second = await rig.add()
    await asyncio.sleep(0.05)
    assert collector.arrived == [first]
    await rig.clock.advance(5.0)
    await rig.until_empty()
    assert collector.arrived == [first, second]


async def test_while_the_collector_is_down_everything_stays_and_the_pauses_grow(rig, collector):
    await rig.add()
    await collector.stop()
    rig.start()
    longest, pauses = 0.5, []
    for _ in range(12):
        await rig.until_failed()
        state = rig.uploader.state
        pause_s = (state.next_try - rig.clock.boottime()) / NS_PER_S
        assert 0 <= pause_s <= longest
        pauses.append(pause_s)
        longest = min(60.0, longest * 2)
        await rig.clock.advance(pause_s + 0.001)
        await rig.until(lambda before=state: rig.uploader.state is not before)
    assert max(pauses[6:]) > max(pauses[:3])
    assert not rig.uploader.state.connected
    assert "no answer" in rig.uploader.state.last_error
    assert await rig.buffered() == 1
    await collector.start()
    await rig.until_failed()
    rig.uploader.wake()
    await rig.until_empty()
    assert rig.uploader.state.last_error == ""


async def test_retry_after_is_honoured_also_against_wake(rig, collector):
    collector.answers = [answering(503, **{"Retry-After": "120"})]
    await rig.add()
    rig.start()
    await rig.until_failed()
    assert "503" in rig.uploader.state.last_error
    rig.uploader.wake()
    await asyncio.sleep(0.05)
    await rig.clock.advance(119.0)
    await asyncio.sleep(0.05)
    assert len(collector.requests) == 1
    await rig.clock.advance(1.1)
    await rig.until_empty()
    assert len(collector.requests) == 2


def refusing(collector, *, which):
    """Keep all records but those that ``which`` picks."""

    async def answer(_request, octets):
        receipts = []
        for one in split(octets):
            receipt = collector.receipt_for(one)
            if which(parse(one).id):
                reason = "record: version 9 is not known"
                receipt = Receipt(epoch=0, seq=0, hash=NO_HASH, status="refused", reason=reason)
            else:
                collector.kept[parse(one).id] = one
            receipts.append(receipt)
        return collector.answer(receipts)

    return answer


async def test_a_refused_record_is_set_aside_and_the_others_of_its_batch_go(rig, collector):
    refused, *others = [await rig.add() for _ in range(4)]
    collector.answers = [refusing(collector, which=lambda one: one == refused)]
    rig.start()
    await rig.until(lambda: rig.uploader.state.refused == 1)
    await asyncio.sleep(0.05)
    assert collector.requests == [[refused, *others]]
    state = rig.uploader.state
    assert (state.sent, state.set_aside, await rig.buffered()) == (3, 1, 1)
    assert "record 1" in state.last_error
    assert "version 9 is not known" in state.last_error
    await rig.clock.advance(SET_ASIDE_S + 5)
    await rig.until_empty()
    assert rig.uploader.state.set_aside == 0


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_what_a_proxy_refuses_whole_is_narrowed_down_to_the_record(rig, collector, status):
    ids = [await rig.add() for _ in range(8)]

    async def picky(_request, octets):
        if ids[5] in [parse(one).id for one in split(octets)]:
            return web.Response(status=status, body=Refusal("too long").to_json())
        return collector.keep(octets)

    collector.always = picky
    rig.start()
    await rig.until(lambda: rig.uploader.state.sent == 7)
    await rig.until(lambda: rig.uploader.state.set_aside == 1)
    assert set(collector.kept) == set(ids) - {ids[5]}
    assert await rig.buffered() == 1


async def test_a_collector_that_refuses_everything_is_not_sent_everything(rig, collector):
    collector.always = refusing(collector, which=lambda _: True)
    for _ in range(130):
        await rig.add()
    rig.start()
    await rig.until(lambda: rig.uploader.state.refused >= 64)
    await rig.clock.advance(60)
    await asyncio.sleep(0.05)
    assert len(collector.arrived) < 128


@pytest.mark.parametrize("status", [301, 403, 404, 500])
async def test_every_other_status_is_waited_out(rig, collector, status):
    collector.answers = [answering(status, Location="http://127.0.0.1:1/elsewhere")]
    await rig.add()
    rig.start()
    await rig.until_failed()
    assert str(status) in rig.uploader.state.last_error
    assert (rig.uploader.state.refused, await rig.buffered()) == (0, 1)
    await rig.clock.advance(60)
    await rig.until_empty()


@pytest.mark.parametrize(
    "body",
    [b"", b"OK", b"{}", b"[" * 4000, b'{"receipts":[]}', b'{"receipts":[{"seq":1}]}'],
    ids=["empty", "text", "object", "deep", "none", "wrong-fields"],
)
async def test_nonsense_with_status_200_deletes_nothing(rig, collector, body):
    collector.answers = [answering(200, body)]
    await rig.add()
    rig.start()
    await rig.until_failed()
    assert "no receipts" in rig.uploader.state.last_error
    assert await rig.buffered() == 1
    await rig.clock.advance(60)
    await rig.until_empty()


async def test_an_endless_answer_is_cut_short(rig, collector):
    collector.answers = [answering(200, b"x" * (ANSWER_LIMIT_OCTETS + 1))]
    await rig.add()
    rig.start()
    await rig.until_failed()
    assert "too long" in rig.uploader.state.last_error
    assert await rig.buffered() == 1


@pytest.mark.parametrize("changed", [{"hash": "0" * 64}, {"seq": 99}], ids=["hash", "seq"])
async def test_a_receipt_for_another_record_deletes_nothing(rig, collector, changed):
    async def other(_request, octets):
        return collector.answer([collector.receipt_for(one, **changed) for one in split(octets)])

    collector.answers = [other]
    await rig.add()
    rig.start()
    await rig.until_failed()
    assert "another record" in rig.uploader.state.last_error
    assert await rig.buffered() == 1


async def test_a_connection_cut_after_the_commit_has_its_effect_once(rig, collector):
    async def keep_and_cut(request, octets):
        collector.keep(octets)
        request.transport.abort()
        return web.Response()

    collector.answers = [keep_and_cut]
    one = await rig.add()
    rig.start()
    await rig.until_failed()
    assert await rig.buffered() == 1
    await rig.clock.advance(60)
    await rig.until_empty()
    assert collector.requests == [[one], [one]]
    assert list(collector.kept) == [one]
    assert (rig.uploader.state.sent, rig.uploader.state.duplicates) == (1, 1)


async def test_a_collector_that_never_answers_is_given_up_on_for_now(rig, collector):
    released = asyncio.Event()

    async def never(_request, octets):
        await released.wait()
        return collector.keep(octets)

    collector.answers = [never]
    await rig.add()
    rig.start(timeout_s=0.3)
    await rig.until_failed()
    assert "no answer" in rig.uploader.state.last_error
    released.set()
    await rig.clock.advance(60)
    await rig.until_empty()


async def test_octets_that_are_no_http_are_waited_out(rig, collector):
    async def nonsense(reader, writer):
        await reader.read(1)
        writer.write(b"\xff\x00 this is not HTTP\r\n\r\n")
        await writer.drain()
        writer.close()

    await collector.stop()
    server = await asyncio.start_server(nonsense, "127.0.0.1", collector.port)
    await rig.add()
    rig.start()
    await rig.until_failed()
    server.close()
    assert await rig.buffered() == 1


async def test_a_record_evicted_while_in_flight_is_no_trouble(rig, collector):
    async def evicted(_request, octets):
        await rig.outbox.acknowledge(collector.arrived[-1])
        return collector.keep(octets)

    collector.answers = [evicted]
    await rig.add()
    rig.start()
    await rig.until(lambda: rig.uploader.state.sent == 1)
    assert await rig.buffered() == 0


async def test_on_a_metered_link_only_alarms_are_sent(rig, collector):
    for name in ("SUMMARY", "ALARM", "EVENT", "ALARM"):
        await rig.add(name)
    rig.start(metered=True)
    await rig.until(lambda: rig.uploader.state.sent == 2)
    await rig.clock.advance(60)
    await asyncio.sleep(0.05)
    assert (len(collector.kept), await rig.buffered()) == (2, 2)
    assert rig.uploader.state.is_metered


async def test_what_waited_for_another_link_goes_when_it_is_there(rig, collector, monkeypatch):
    devices = ["wwan0"]
    monkeypatch.setattr(
        "edge_agent.sync.client.routes",
        lambda: {Route(one, "0/0", "1", 1, is_default=True) for one in devices},
    )
    await rig.add()
    rig.start(metered=["wwan*"])
    await rig.until(lambda: rig.uploader.state.is_metered)
    await asyncio.sleep(0.05)
    assert await rig.buffered() == 1
    devices[:] = ["eth0"]
    await rig.clock.advance(5.0)
    await rig.until_empty()
    assert not rig.uploader.state.is_metered
