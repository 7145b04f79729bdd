"""The corrected interval holds the truth more often than the naive one."""

from course_lib.experiments.capstone.coverage import coverage


def test_the_corrected_interval_holds_more_often():
    found = coverage(worlds=40)
    assert found["naive"].n == found["corrected"].n == 40
    assert found["naive"].mean < 0.7 < 0.75 < found["corrected"].mean
