import asyncio

import pytest
from aiohttp import web

from edge_agent.clock import NS_PER_S
from edge_agent.sync.client import SET_ASIDE_S
from edge_agent.sync.protocol import ANSWER_LIMIT_OCTETS, Refusal


def answering(status, body=b"", **headers):
    async def answer(_request, _octets):
        return web.Response(status=status, body=body, headers=headers)

    return answer


async def test_alarms_go_first_and_all_leave_the_outbox_on_receipt(rig, collector):
    ids = {name: await rig.add(name) for name in ("SUMMARY", "EVENT", "ALARM")}
    rig.start()
    await rig.until_empty()
    assert collector.requests == [ids["ALARM"], ids["SUMMARY"], ids["EVENT"]]
    state = rig.uploader.state
    assert (state.sent, state.duplicates, state.refused) == (3, 0, 0)
    assert state.connected
    assert state.last_success == rig.clock.boottime()
    assert (await rig.outbox.counts()).delivered_total == 3


async def test_one_record_is_in_flight_at_a_time(rig, collector):
    running, most = 0, 0

    async def slowly(_request, octets):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1
        return collector.keep(octets)

    collector.always = slowly
    for _ in range(5):
        await rig.add()
    rig.start()
    await rig.until_empty()
    assert most == 1


async def test_a_new_record_waits_for_the_poll_or_for_wake(rig, collector):
    rig.start()
    await asyncio.sleep(0.05)
    first = await rig.add("ALARM")
    rig.uploader.wake()
    await rig.until_empty()
    second = await rig.add()
    await asyncio.sleep(0.05)
    assert collector.requests == [first]
    await rig.clock.advance(5.0)
    await rig.until_empty()
    assert collector.requests == [first, second]


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


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_a_verdict_sets_one_record_aside_and_the_others_go_on(rig, collector, status):
    refusal = Refusal("record: the signature does not fit").to_json()
    collector.answers = [answering(status, refusal)]
    refused, other = await rig.add(), await rig.add()
    rig.start()
    await rig.until(lambda: rig.uploader.state.sent == 1)
    await asyncio.sleep(0.05)
    assert collector.requests == [refused, other]
    state = rig.uploader.state
    assert (state.refused, state.set_aside, await rig.buffered()) == (1, 1, 1)
    await rig.clock.advance(SET_ASIDE_S + 5)
    await rig.until_empty()
    assert rig.uploader.state.set_aside == 0


async def test_the_collectors_words_about_a_refusal_are_kept(rig, collector):
    collector.always = answering(400, Refusal("record: version 9 is not known").to_json())
    await rig.add()
    rig.start()
    await rig.until(lambda: rig.uploader.state.refused == 1)
    assert "record 1" in rig.uploader.state.last_error
    assert "version 9 is not known" in rig.uploader.state.last_error


async def test_a_collector_that_refuses_everything_is_not_sent_everything(rig, collector):
    collector.always = answering(400)
    for _ in range(70):
        await rig.add()
    rig.start()
    await rig.until(lambda: rig.uploader.state.refused == 64)
    await rig.clock.advance(60)
    await asyncio.sleep(0.05)
    assert len(collector.requests) == 64


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
    [b"", b"OK", b"{}", b"[" * 4000, b'{"hub":"x","seq":1,"id":"y","status":"stored"}'],
    ids=["empty", "text", "object", "deep", "wrong-fields"],
)
async def test_nonsense_with_status_200_deletes_nothing(rig, collector, body):
    collector.answers = [answering(200, body)]
    await rig.add()
    rig.start()
    await rig.until_failed()
    assert "no receipt" in rig.uploader.state.last_error
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


@pytest.mark.parametrize("changed", [{"id": "0" * 64}, {"seq": 99}], ids=["hash", "seq"])
async def test_a_receipt_for_another_record_deletes_nothing(rig, collector, changed):
    async def other(_request, octets):
        return collector.receipt_for(octets, **changed)

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
    assert collector.requests == [one, one]
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
        await rig.outbox.acknowledge(collector.requests[-1])
        return collector.keep(octets)

    collector.answers = [evicted]
    await rig.add()
    rig.start()
    await rig.until(lambda: rig.uploader.state.sent == 1)
    assert await rig.buffered() == 0
