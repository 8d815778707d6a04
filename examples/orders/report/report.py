"""Says what is still to be shipped."""

import json
import os
import urllib.request

api = f"http://api.{os.environ['COPILOT_SERVICE_DISCOVERY_ENDPOINT']}:8080"
with urllib.request.urlopen(f"{api}/report", timeout=10) as answer:
    found = json.load(answer)
print(f"{found['orders']} orders, {found['orders'] - found['shipped']} to be shipped")
