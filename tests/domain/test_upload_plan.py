"""A file is cut the way TikTok's init accepts it (media transfer guide, FILE_UPLOAD)."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.upload_plan import MAX_FILE, Chunk, UploadPlan, plan_upload, resume_offset

MIN_CHUNK, MAX_CHUNK, MAX_LAST_CHUNK, MAX_CHUNKS = 5_242_880, 64_000_000, 128_000_000, 1000
"""Inside both readings of "MB": 5 MiB is above 5 MB, 64 MB is below 64 MiB."""

sizes = st.one_of(
    st.integers(1, MAX_FILE),
    st.integers(1, 70_000_000),
    st.integers(60_000_000, 200_000_000),
    st.integers(1, 62).map(lambda n: n * MAX_CHUNK),
    st.integers(1, 62).map(lambda n: n * MAX_CHUNK - 1),
    st.integers(1, 62).map(lambda n: n * MAX_CHUNK + 1),
)
often = settings(max_examples=300, derandomize=True, deadline=None)


@pytest.mark.parametrize(("size", "chunk_size", "count", "last_chunk_bytes", "last_content_range"), [
    (3_145_728, 3_145_728, 1, 3_145_728, "bytes 0-3145727/3145728"),
    (4_194_304, 4_194_304, 1, 4_194_304, "bytes 0-4194303/4194304"),
    (64_000_000, 64_000_000, 1, 64_000_000, "bytes 0-63999999/64000000"),
    (64_000_001, 32_000_000, 2, 32_000_001, "bytes 32000000-64000000/64000001"),
    (94_000_000, 47_000_000, 2, 47_000_000, "bytes 47000000-93999999/94000000"),
    (128_000_001, 64_000_000, 2, 64_000_001, "bytes 64000000-128000000/128000001"),
    (150_000_000, 64_000_000, 2, 86_000_000, "bytes 64000000-149999999/150000000"),
    (602_285_541, 64_000_000, 9, 90_285_541, "bytes 512000000-602285540/602285541"),
    (4_000_000_000, 64_000_000, 62, 96_000_000, "bytes 3904000000-3999999999/4000000000"),
])
def test_plans_the_sizes_of_the_reference_table(size, chunk_size, count, last_chunk_bytes, last_content_range):
    plan = plan_upload(size)
    last = list(plan.chunks())[-1]
    assert (plan.chunk_size, plan.count) == (chunk_size, count)
    assert last.size == last_chunk_bytes
    assert f"bytes {last.first}-{last.last}/{plan.size}" == last_content_range


def test_cuts_the_documented_example_with_its_own_chunk_size():
    plan = UploadPlan(50_000_123, 10_000_000, 5)
    assert [(c.first, c.last) for c in plan.chunks()] == [
        (0, 9_999_999), (10_000_000, 19_999_999), (20_000_000, 29_999_999), (30_000_000, 39_999_999), (40_000_000, 50_000_122)]
    assert list(plan.chunks())[-1].size == 10_000_123


@pytest.mark.parametrize("refused", [
    (64_000_001, 64_000_000, 1), (94_000_000, 64_000_000, 1), (50_000_123, 10_000_000, 6), (10_000_001, 4_000_000, 2),
    (70_000_000, 70_000_000, 1),
])
def test_never_makes_a_plan_that_tiktok_is_known_to_refuse(refused):
    plan = plan_upload(refused[0])
    assert (plan.size, plan.chunk_size, plan.count) != refused


@given(sizes)
@often
def test_every_plan_obeys_every_rule_of_init(size):
    plan = plan_upload(size)
    whole = plan.chunk_size == size
    assert plan.count == size // plan.chunk_size, "the count is the floor"
    assert whole or MIN_CHUNK <= plan.chunk_size <= MAX_CHUNK
    assert size <= MAX_CHUNK or not whole, "a large file is split"
    assert (plan.count == 1) == whole, "one chunk is the whole file or it is refused"
    assert 1 <= plan.count <= MAX_CHUNKS
    *others, last = plan.chunks()
    assert all(chunk.size == plan.chunk_size for chunk in others)
    assert plan.chunk_size <= last.size <= MAX_LAST_CHUNK


@given(sizes)
@often
def test_the_chunks_cover_the_file_exactly_once_in_order(size):
    plan = plan_upload(size)
    chunks = list(plan.chunks())
    assert len(chunks) == plan.count
    assert chunks[0].first == 0 and chunks[-1].last == size - 1
    assert all(after.first == before.last + 1 for before, after in pairwise(chunks))


@given(sizes, st.data())
@often
def test_going_on_from_any_edge_sends_the_same_remaining_chunks(size, data):
    plan = plan_upload(size)
    chunks = list(plan.chunks())
    done = data.draw(st.integers(0, plan.count))
    offset = chunks[done].first if done < plan.count else size
    assert list(plan.chunks(offset)) == chunks[done:]


@given(st.integers(MAX_CHUNK + 1, MAX_FILE), st.data())
@often
def test_going_on_inside_a_chunk_ends_where_that_chunk_ends(size, data):
    plan = plan_upload(size)
    offset = data.draw(st.integers(0, size - 1))
    around = next(c for c in plan.chunks() if c.first <= offset <= c.last)
    assert plan.chunk_at(offset) == Chunk(offset, around.last)


@pytest.mark.parametrize("size", [0, -1, MAX_FILE + 1])
def test_refuses_sizes_that_can_not_be_uploaded(size):
    with pytest.raises(ValueError, match=f"{size} bytes"):
        plan_upload(size)


@given(sizes, st.data())
@often
def test_resumes_at_the_edge_whether_tiktok_reports_a_count_or_the_last_index(size, data):
    plan = plan_upload(size)
    stored = data.draw(st.integers(1, plan.count))
    edge = size if stored == plan.count else stored * plan.chunk_size
    assert resume_offset(plan, edge) == edge
    if edge > 1:
        assert resume_offset(plan, edge - 1) == edge


@given(st.integers(MAX_CHUNK + 1, MAX_FILE), st.data())
@often
def test_resumes_at_the_lower_edge_when_the_report_lies_between_two(size, data):
    plan = plan_upload(size)
    chunk = data.draw(st.sampled_from(list(plan.chunks())))
    reported = data.draw(st.integers(chunk.first + 1, chunk.last - 1))
    assert resume_offset(plan, reported) == chunk.first


@pytest.mark.parametrize(("reported", "offset"), [
    (0, 0), (1, 0), (31_999_999, 32_000_000), (32_000_000, 32_000_000), (32_000_001, 32_000_000),
    (64_000_000, 64_000_001), (64_000_001, 64_000_001), (99_000_000, 64_000_001),
])
def test_reads_reported_progress_of_a_file_in_two_chunks(reported, offset):
    assert resume_offset(plan_upload(64_000_001), reported) == offset
