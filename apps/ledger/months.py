"""First and last days of months."""

from datetime import date, timedelta


def start_of_month(day: date) -> date:
    return day.replace(day=1)


def start_of_next_month(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)


def end_of_month(day: date) -> date:
    return start_of_next_month(day) - timedelta(days=1)
