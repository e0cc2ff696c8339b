"""Computes when the quiet hours of a target end."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from fairtrial.domain.limits.alarm_settings import QuietHours


def quiet_until(quiet: QuietHours, now_us: int) -> int:
    """The end of the quiet hours that contain this time; the time itself outside of them."""
    zone = ZoneInfo(quiet.zone)
    now = datetime.fromtimestamp(now_us / 1e6, UTC)
    start, end = time.fromisoformat(quiet.start), time.fromisoformat(quiet.end)
    today = now.astimezone(zone).date()
    for day in (today - timedelta(days=1), today):
        begins = datetime.combine(day, start, zone)
        ends = datetime.combine(day + timedelta(days=end <= start), end, zone)
        if begins <= now < ends:
            return int(ends.timestamp() * 1e6)
    return now_us
