import asyncio

from edge_agent.outgoing import ALARMS_AT_MOST, SUMMARIES_AT_MOST, Draft, Outgoing
from edge_agent.store.seal import RecordClass


def summary(number):
    return Draft(RecordClass.SUMMARY, {"t": [{"n": number}]}, bytes(16))


def alarm(number):
    return Draft(RecordClass.ALARM, {"t": [{"n": number}]}, bytes(16))


async def test_alarms_go_before_summaries_and_stay_until_they_are_stored():
    outgoing = Outgoing()
    outgoing.put(summary(1))
    outgoing.put(alarm(2))
    first = await outgoing.first()
    assert first == alarm(2)
    assert await outgoing.first() == first
    outgoing.stored(first)
    assert await outgoing.first() == summary(1)


async def test_what_piles_up_loses_the_oldest_of_its_own_kind_and_counts_it():
    outgoing = Outgoing()
    for number in range(ALARMS_AT_MOST + 2):
        outgoing.put(alarm(number))
    for number in range(SUMMARIES_AT_MOST + 3):
        outgoing.put(summary(number))
    assert outgoing.dropped == {RecordClass.ALARM: 2, RecordClass.SUMMARY: 3}
    assert len(outgoing) == ALARMS_AT_MOST + SUMMARIES_AT_MOST
    assert await outgoing.first() == alarm(2)


async def test_a_summary_dropped_while_it_was_stored_takes_no_other_with_it():
    outgoing = Outgoing()
    outgoing.put(summary(0))
    taken = await outgoing.first()
    for number in range(1, SUMMARIES_AT_MOST + 1):
        outgoing.put(summary(number))
    outgoing.stored(taken)
    assert len(outgoing) == SUMMARIES_AT_MOST
    assert await outgoing.first() == summary(1)


async def test_a_waiting_writer_gets_a_draft_that_comes_later():
    outgoing = Outgoing()
    waiting = asyncio.create_task(outgoing.first())
    await asyncio.sleep(0)
    outgoing.put(alarm(1))
    assert await waiting == alarm(1)
