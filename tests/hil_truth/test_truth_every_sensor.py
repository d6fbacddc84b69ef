"""What every Bluetooth sensor on the shelf owes its user, on real BlueZ: the very same tests."""

from tests.hil.test_every_sensor import (
    test_a_bluetooth_sensor_gives_what_it_is_there_for,
    test_a_bluetooth_sensor_outlives_a_storm_of_faults,
    test_a_lost_bluetooth_link_is_made_again,
    test_garbage_on_every_channel_is_counted_and_the_rest_goes_on,
)

__all__ = [
    "test_a_bluetooth_sensor_gives_what_it_is_there_for",
    "test_a_bluetooth_sensor_outlives_a_storm_of_faults",
    "test_a_lost_bluetooth_link_is_made_again",
    "test_garbage_on_every_channel_is_counted_and_the_rest_goes_on",
]
