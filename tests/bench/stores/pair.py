"""How often a second does redis-py with Fernet load and save a session? Arguments: port, bytes, tasks, seconds."""

import asyncio
import json
import sys
import time

import redis
import redis.asyncio
from cryptography.fernet import Fernet

PORT, SIZE, TASKS, SECONDS = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
BOX = Fernet(Fernet.generate_key())
SESSION = {"access_token": "a" * max(1, SIZE - 60), "expires_at": 1760003601400, "user": 7}
KEYS = [f"session:{number}" for number in range(1000)]


def alone():
    server = redis.Redis(port=PORT)

    def load(number):
        return json.loads(BOX.decrypt(server.get(KEYS[number % 1000])))

    def save(number):
        server.set(KEYS[number % 1000], BOX.encrypt(json.dumps(SESSION).encode()), ex=3600)

    for number in range(1000):
        save(number)

    def rate(act):
        began, done = time.perf_counter(), 0
        while time.perf_counter() - began < SECONDS:
            act(done)
            done += 1
        return done / (time.perf_counter() - began)

    return {"load": rate(load), "save": rate(save)}


async def together():
    pool = redis.asyncio.BlockingConnectionPool(port=PORT, max_connections=TASKS)
    server = redis.asyncio.Redis(connection_pool=pool)

    async def load(number):
        return json.loads(BOX.decrypt(await server.get(KEYS[number % 1000])))

    async def save(number):
        await server.set(KEYS[number % 1000], BOX.encrypt(json.dumps(SESSION).encode()), ex=3600)

    for number in range(1000):
        await save(number)
    # Opens every connection, so that none is opened while it is measured.
    await asyncio.gather(*(server.ping() for _ in range(TASKS)))

    async def rate(act):
        began = time.perf_counter()

        async def task(first):
            done = 0
            while time.perf_counter() - began < SECONDS:
                await act(first * 7919 + done)
                done += 1
            return done

        done = sum(await asyncio.gather(*(task(first) for first in range(TASKS))))
        return done / (time.perf_counter() - began)

    return {"load": await rate(load), "save": await rate(save)}


print(json.dumps(alone() if TASKS == 1 else asyncio.run(together())))
