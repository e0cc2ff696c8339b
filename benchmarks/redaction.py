"""Measures the time of redaction beside another checkout, in turns, by kind of text.

``python benchmarks/redaction.py --before CHECKOUT [--rounds 15] [--json]``.
*Before* is another checkout with its own ``.venv``. Each round starts both programs once. A body's time is the shortest
of 300, because other work on the machine lengthens the rest. The figure is the median of the rounds' ratios; below 1.1
is the target for texts without finds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
WORK = """
import json, sys, time
from gateway.proxy.recording.redaction import as_it_came, json_steps, needs_json_steps
from gateway.proxy.admission.cooperative_work import at_once
def body(text):
    return json.dumps({"model": "support", "messages": [{"role": "system", "content": "You answer politely. " * 20},
        {"role": "user", "content": text}], "temperature": 0}, ensure_ascii=False).encode()
def redact(raw):
    return at_once(json_steps(raw)) if needs_json_steps(raw, raw) else as_it_came(raw)
figures = {}
for name, texts in json.load(sys.stdin).items():
    bodies = [body(text) for text in texts]
    shortest = [float("inf")] * len(bodies)
    for _ in range(300):
        for place, raw in enumerate(bodies):
            began = time.perf_counter()
            redact(raw)
            shortest[place] = min(shortest[place], time.perf_counter() - began)
    figures[name] = 1e6 * sum(shortest) / len(bodies)
print(json.dumps(figures))
"""
PROSE = (
    "Hello, my parcel has not arrived yet, although the shop wrote that it was sent last week. ",
    "The screen of the phone stays black after the update, and I can't set a new password. ",
    "Bonjour, je voudrais changer l'adresse de livraison de ma commande, est-ce possible ? ",
    "Guten Tag, die Rechnung stimmt nicht, weil der Rabatt fehlt. Bitte korrigieren Sie das. ",
    "El pedido llegó roto y la tienda no contesta; quiero que me devuelvan el dinero. ",
    "def total(rows): return sum(row.price * row.count for row in rows if row.valid) # all ",
)
TIMES = (
    "On 2026-11-29 at 13:45:10 the order of 15.01.2026 was cancelled, and 3 of 12 items came on 10/12/2026. ",
    "Trace 3f2b8a10-12ab-4cde-9f01-123456789012, span 76c0e12312345678, at 2026-11-29T13:45:10Z. ",
    "Version 12.4.1 of 2026-10-30 costs 1,234.50 EUR; the meeting is from 10:30 to 11:45, room 4.12. ",
)
ORDERS = (
    "Hello, my order 1002938475 has not arrived, and nobody answers my mails about it since Monday. ",
    "Bestellung 48210077, Rechnung 2026-004711: bitte stornieren Sie den zweiten Artikel. ",
    "Ticket 20261129134510 about ISBN 978-3-16-148410-0 is still open, and invoice 2026-004711 is not paid. ",
)
FINDS = ("Write to bob@example.com or call +49 170 1234567. ", "IBAN DE89 3704 0044 0532 0130 00 from 203.0.113.9. ")
TEXTS = {
    "clean, 500 characters": [(text * 6)[:500] for text in PROSE],
    "clean, 4,000 characters": [("".join(PROSE[at:] + PROSE[:at]) * 9)[:4000] for at in range(len(PROSE))],
    "dates and ids, 500 characters": [(text * 6)[:500] for text in TIMES],
    "dates and ids, 4,000 characters": [("".join(TIMES[at:] + TIMES[:at] + PROSE[:3]) * 8)[:4000] for at in range(3)],
    "order numbers, 500 characters": [(text * 6)[:500] for text in ORDERS],
    "order numbers, 4,000 characters": [("".join(ORDERS[at:] + PROSE) * 8)[:4000] for at in range(3)],
    "with finds, 500 characters": [(text + PROSE[0] * 5)[:500] for text in FINDS],
}


def measured(checkout: Path) -> dict[str, float]:
    """Microseconds for a body, by kind of text."""
    command = [str(checkout / ".venv/bin/python"), "-c", WORK]
    if not Path(command[0]).exists():
        command[0] = sys.executable
    done = subprocess.run(command, input=json.dumps(TEXTS), capture_output=True, text=True, check=True, cwd=checkout)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, metavar="CHECKOUT", required=True)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rounds = [(measured(arguments.before.resolve()), measured(HERE.parent)) for _ in range(arguments.rounds)]
    rows = {
        name: {
            "before_us": statistics.median(before[name] for before, _ in rounds),
            "now_us": statistics.median(now[name] for _, now in rounds),
            "ratio": statistics.median(now[name] / before[name] for before, now in rounds),
        }
        for name in TEXTS
    }
    if arguments.json:
        print(json.dumps(rows, indent=2))
        return
    print(f"{'µs for a body':34}{'before':>9}{'now':>9}{'ratio':>8}")
    for name, row in rows.items():
        print(f"{name:34}{row['before_us']:9.1f}{row['now_us']:9.1f}{row['ratio']:8.2f}")


if __name__ == "__main__":
    main()
