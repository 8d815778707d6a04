"""Ships one order after the other. Goes on trying while the api is away."""

import json
import os
import signal
import sys
import time
import urllib.request

API = f"http://api.{os.environ['COPILOT_SERVICE_DISCOVERY_ENDPOINT']}:3000/api"
PAUSE = float(os.environ["PAUSE"])


def next_order() -> dict[str, object] | None:
    request = urllib.request.Request(f"{API}/orders/ship-next", method="POST")
    with urllib.request.urlopen(request, timeout=2) as answer:
        return json.load(answer)


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print(json.dumps({"event": "waiting for orders", "api": API}))
away = False
while True:
    try:
        order = next_order()
        if away:
            print(json.dumps({"event": "the api is back"}))
        away = False
        if order is not None:
            print(json.dumps({"event": "order shipped", "id": order["id"], "item": order["item"]}))
            continue
    except OSError as error:
        if not away:
            print(json.dumps({"event": "the api is away", "error": str(error)}))
        away = True
    time.sleep(PAUSE)
