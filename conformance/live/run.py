"""Runs one scenario on the Core of this process and gives back what it sent and what it told lang."""

from __future__ import annotations

import asyncio
from typing import Any

import temporalio.bridge.client as bridge_client
import temporalio.bridge.worker as bridge_worker

from conformance.differential import masks
from conformance.lang import bridge

from .frontend import Frontend
from .lang import Lang
from .script import Scenario


async def run(scenario: Scenario) -> dict[str, Any]:
    """The transcript: `requests` as (rpc, bytes), `activations` and `completions` as bytes, in order; or `error`.

    `background` holds what pollers asked by themselves, each distinct request once, in no order.
    """
    frontend = Frontend(scenario)
    await frontend.start()
    activations: list[bytes] = []
    completions: list[bytes] = []
    try:
        await asyncio.wait_for(_drive(scenario, frontend, activations, completions), scenario.patience_seconds)
        requests = [(each.rpc, masks.without_wall_times(each.rpc, each.body)) for each in frontend.requests]
        background = sorted({(each.rpc, each.body) for each in frontend.background})
        return {
            "requests": requests,
            "background": background,
            "activations": [masks.without_schedule_times(activation) for activation in activations],
            "completions": completions,
        }
    except asyncio.TimeoutError:
        rpcs = [request.rpc for request in frontend.requests]
        return {"error": f"not finished; {len(activations)} activations, requests {rpcs}"}
    finally:
        await frontend.stop()


async def _drive(scenario: Scenario, frontend: Frontend, activations: list[bytes], completions: list[bytes]) -> None:
    client = await bridge_client.Client.connect(bridge.new_runtime(), _client_config(frontend.port))
    worker = bridge_worker.Worker.create(client, bridge.worker_config("replay", **scenario.worker))
    await worker.validate()
    lang = Lang(scenario, worker, frontend, activations, completions)
    loops = [asyncio.ensure_future(lang.workflows()), asyncio.ensure_future(lang.local_activities())]
    await frontend.finished.wait()
    await lang.idle()
    worker.initiate_shutdown()
    await asyncio.gather(*loops)
    await worker.finalize_shutdown()


def _client_config(port: int) -> bridge_client.ClientConfig:
    return bridge_client.ClientConfig(
        target_url=f"http://127.0.0.1:{port}",
        metadata={},
        api_key=None,
        identity="conformance",
        tls_config=None,
        retry_config=None,
        keep_alive_config=None,
        client_name="temporal-python",
        client_version="1.35.0",
        http_connect_proxy_config=None,
        dns_load_balancing_config=None,
        grpc_compression="none",
        payloads_warn_size=0,
        memo_warn_size=0,
    )
