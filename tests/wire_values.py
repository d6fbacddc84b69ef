"""Values that fit the fields of Bluetooth measurements, for property tests."""

from hypothesis import strategies as st

from edge_drivers.ieee11073 import DateTime

date_times = st.builds(
    DateTime,
    st.integers(0, 9999),
    *(st.integers(0, 255) for _ in range(5)),
)
sfloats = st.one_of(
    st.integers(-2045, 2045).map(float),
    st.integers(-2048, 2047).map(lambda tenths: tenths / 10),
    st.sampled_from([float("inf"), float("-inf")]),
)
floats32 = st.integers(-(1 << 23), (1 << 23) - 1).map(lambda tenths: tenths / 10)
octets = st.integers(0, 255)
words = st.integers(0, 0xFFFF)
