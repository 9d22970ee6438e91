# Copyright: the Tandem contributors
# SPDX-License-Identifier: BSD-2-Clause
# PRIVATE to the collection: may change in any release.
"""The clients of a drill: each asks for one thing after the other, and looks afterwards whether what was acknowledged is there.

They do what a careful application does: give up what takes too long, connect anew, go on. The libraries are imported by who
uses them: a host that measures one service needs one of them.
"""

import contextlib
import functools
import http.client
import re
import ssl
from typing import Any, Callable, Dict, List, Mapping, Optional, Set, Tuple, Type, Union

from ansible_collections.tandem.ha.plugins.module_utils._publisher import Publisher, Unconfirmed, told

CONNECT = 0.5  # seconds until a client gives up a connection that is not made
PATIENCE = 1.0  # seconds until it gives up an answer, and its connection with it
CALM = 20.0  # seconds for an answer while nothing is measured
REPLICA = 0.1  # seconds that a client waits for a second copy
TABLE = "tandem_drill"
MANY = 65535  # messages that are handed out without an acknowledgement; AMQP knows no more
KEPT = 86400  # seconds after which Redis forgets what a drill wrote, whatever became of the drill
NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}\Z")


class Refused(Exception):
    """The service did not do it, or did not say so."""


class Client(object):
    """What all have in common. `what` is the entry of an inventory, `run` names the drill."""

    port = 0
    tls_port = 0  # where TLS has a port of its own
    package = ""  # what has to be importable
    distribution = ""  # how Debian calls its package

    def __init__(self, what: Mapping[str, Any], members: Mapping[str, str], run: str) -> None:
        self.what = what
        self.members = members
        self.run = run
        self.address = str(what.get("address") or "")
        self.tls = ssl.create_default_context(cafile=what.get("ca")) if what.get("tls") else None
        self.port = int(what.get("port") or (self.tls_port if self.tls and self.tls_port else self.port))

    def prepare(self) -> None:
        """Make what is needed to write to."""

    def write(self, number: int) -> Tuple[Optional[str], bool]:
        """Ask for one thing. Returns who did it, and whether a second copy of it is known of.  Raises Refused."""
        raise NotImplementedError

    def close(self) -> None:
        """Let the connection go, whatever state it is in."""

    def found(self) -> Dict[str, Callable[[], Set[int]]]:
        """How to learn the numbers of what is there, for each place."""
        return {}

    def forget(self) -> None:
        """Remove what was written."""


class Sql(Client):
    """One row after the other, each a transaction of its own."""

    port = 3306
    package, distribution = "pymysql", "python3-pymysql"

    def __init__(self, what: Mapping[str, Any], members: Mapping[str, str], run: str) -> None:
        super(Sql, self).__init__(what, members, run)
        self._connection = None  # type: Any
        self._server = None  # type: Optional[str]

    def prepare(self) -> None:
        with self._asking(self.address, CALM, database=False) as cursor:
            cursor.execute("CREATE DATABASE IF NOT EXISTS `%s`" % self.what["database"])
            cursor.execute(
                "CREATE TABLE IF NOT EXISTS `%s`.%s (run VARCHAR(64), id BIGINT, PRIMARY KEY (run, id))"
                % (self.what["database"], TABLE)
            )

    def write(self, number: int) -> Tuple[Optional[str], bool]:
        import pymysql

        try:
            if self._connection is None:
                self._connection = self._connect(self.address, PATIENCE)
                with self._connection.cursor() as cursor:
                    cursor.execute("SELECT @@hostname")
                    self._server = str(cursor.fetchone()[0])
            with self._connection.cursor() as cursor:
                cursor.execute("INSERT INTO tandem_drill (run, id) VALUES (%s, %s)", (self.run, number))
        except (pymysql.MySQLError, OSError) as error:
            raise Refused(_said(error)) from error
        return self._server, True

    def close(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(Exception):
                self._connection.close()
        self._connection = None

    def found(self) -> Dict[str, Callable[[], Set[int]]]:
        return {name: self._looking(address) for name, address in self.members.items()}

    def forget(self) -> None:
        with self._asking(self.address, CALM) as cursor:
            cursor.execute("DELETE FROM tandem_drill WHERE run = %s", (self.run,))

    def _looking(self, address: str) -> Callable[[], Set[int]]:
        def look() -> Set[int]:
            with self._asking(address, CALM) as cursor:
                # Not before it has applied what the others had when we asked; a database that does not know it has no others.
                with contextlib.suppress(Exception):
                    cursor.execute("SET SESSION wsrep_sync_wait = 1")
                cursor.execute("SELECT id FROM tandem_drill WHERE run = %s", (self.run,))
                return {int(row[0]) for row in cursor.fetchall()}

        return look

    @contextlib.contextmanager
    def _asking(self, address: str, timeout: float, database: bool = True) -> Any:
        import pymysql

        try:
            connection = self._connect(address, timeout, database)
            try:
                with connection.cursor() as cursor:
                    yield cursor
            finally:
                connection.close()
        except (pymysql.MySQLError, OSError) as error:
            raise Refused(_said(error)) from error

    def _connect(self, address: str, timeout: float, database: bool = True) -> Any:
        import pymysql

        return pymysql.connect(
            host=address,
            port=self.port,
            user=self.what["user"],
            password=self.what["password"] or "",
            database=self.what["database"] if database else None,
            connect_timeout=min(timeout, CONNECT) if timeout == PATIENCE else timeout,
            read_timeout=timeout,
            write_timeout=timeout,
            ssl=self.tls,
            autocommit=True,
        )


class Redis(Client):
    """One key after the other, and after each the question whether a replica has it."""

    port = 6379
    package, distribution = "redis", "python3-redis"

    def __init__(self, what: Mapping[str, Any], members: Mapping[str, str], run: str) -> None:
        super(Redis, self).__init__(what, members, run)
        self._client = None  # type: Any
        self._prefix = "tandem-drill:%s:" % run

    def prepare(self) -> None:
        self._ask(lambda: self._connect(self.address, CALM).ping())

    def write(self, number: int) -> Tuple[Optional[str], bool]:
        if self._client is None:
            self._client = self._connect(self.address, PATIENCE)
        self._ask(lambda: self._client.set("%s%d" % (self._prefix, number), number, ex=KEPT))
        try:
            return None, self._ask(lambda: self._client.wait(1, int(1000 * REPLICA))) >= 1
        except Refused:
            # The write itself was acknowledged.
            self.close()
            return None, False

    def close(self) -> None:
        if self._client is not None:
            with contextlib.suppress(Exception):
                self._client.connection_pool.disconnect()
        self._client = None

    def found(self) -> Dict[str, Callable[[], Set[int]]]:
        return {name: self._looking(address) for name, address in self.members.items()}

    def forget(self) -> None:
        client = self._connect(self.address, CALM)
        for keys in _pieces(self._ask(lambda: list(client.scan_iter(match=self._prefix + "*", count=1000)))):
            self._ask(functools.partial(client.delete, *keys))

    def masters(self) -> List[str]:
        """The members that say that they are the primary."""
        told = []
        for name, address in self.members.items():
            with contextlib.suppress(Refused):
                client = self._connect(address, CONNECT)
                if self._ask(functools.partial(client.info, "replication"))["role"] == "master":
                    told.append(name)
        return told

    def _looking(self, address: str) -> Callable[[], Set[int]]:
        def look() -> Set[int]:
            client = self._connect(address, CALM)
            keys = self._ask(lambda: list(client.scan_iter(match=self._prefix + "*", count=1000)))
            return {int(key.rsplit(b":", 1)[1]) for key in keys}

        return look

    def _connect(self, address: str, timeout: float) -> Any:
        import redis

        return redis.Redis(
            host=address,
            port=self.port,
            password=self.what["password"],
            socket_connect_timeout=CONNECT if timeout == PATIENCE else timeout,
            socket_timeout=timeout,
            ssl=self.tls is not None,
            ssl_ca_certs=self.what.get("ca"),
            ssl_check_hostname=self.tls is not None,
        )

    @staticmethod
    def _ask(question: Callable[[], Any]) -> Any:
        import redis

        try:
            return question()
        except (redis.RedisError, OSError) as error:
            raise Refused(_said(error)) from error


class Http(Client):
    """One request after the other, each over a connection of its own. Nothing is written, so nothing can be lost."""

    port = 8404

    def write(self, number: int) -> Tuple[Optional[str], bool]:
        del number  # a page is a page
        connection = http.client.HTTPConnection(self.address, self.port, timeout=CONNECT)
        if self.tls:
            connection = http.client.HTTPSConnection(self.address, self.port, timeout=CONNECT, context=self.tls)
        try:
            connection.connect()
            connection.sock.settimeout(PATIENCE)
            connection.request("GET", str(self.what["path"]))
            answer = connection.getresponse()
            text = answer.read(4096).decode("utf-8", "replace").strip()
        except (OSError, http.client.HTTPException) as error:
            raise Refused(_said(error)) from error
        finally:
            connection.close()
        if not 200 <= answer.status < 400:
            raise Refused("HTTP status %d" % answer.status)
        return (text if NAME.match(text) else None), True


class Amqp(Client):
    """One persistent message after the other, each waited for until the broker has confirmed it."""

    port, tls_port = 5672, 5671
    package, distribution = "pika", "python3-pika"

    def __init__(self, what: Mapping[str, Any], members: Mapping[str, str], run: str) -> None:
        super(Amqp, self).__init__(what, members, run)
        self._brokers = list(members.items())
        self._publisher = None  # type: Optional[Publisher]

    def prepare(self) -> None:
        self._at_any(self._declare)

    def write(self, number: int) -> Tuple[Optional[str], bool]:
        try:
            if self._publisher is None:
                self._publisher = Publisher(self._parameters(PATIENCE), PATIENCE)
            self._publisher.publish(self.what["queue"], ("%s:%d" % (self.run, number)).encode("ascii"))
        except (Unconfirmed, OSError) as error:
            self._next()
            raise Refused(_said(error)) from error
        return self._brokers[0][0], True

    def close(self) -> None:
        if self._publisher is not None:
            self._publisher.close()
        self._publisher = None

    def found(self) -> Dict[str, Callable[[], Set[int]]]:
        return {"queue": lambda: self._at_any(self._drain)}

    def forget(self) -> None:
        self._at_any(lambda channel: channel.queue_delete(self.what["queue"]))

    def _next(self) -> None:
        """The next time, the next one."""
        self._brokers.append(self._brokers.pop(0))

    def _at_any(self, work: Callable[[Any], Any]) -> Any:
        """Something for which there is time, on a channel to the first member that does it."""
        import pika
        import pika.exceptions
        from pika.adapters.utils.connection_workflow import AMQPConnectorException

        said = "no broker is known"
        for _broker in list(self._brokers):
            try:
                connection = pika.BlockingConnection(self._parameters(CALM))
                try:
                    return work(connection.channel())
                finally:
                    with contextlib.suppress(Exception):
                        connection.close()
            except (pika.exceptions.AMQPError, AMQPConnectorException, OSError) as error:
                said = _said(told(error))
                self._next()
        raise Refused(said)

    def _parameters(self, timeout: float) -> Any:
        import pika

        return pika.ConnectionParameters(
            host=self._brokers[0][1],
            port=self.port,
            virtual_host=self.what["vhost"],
            credentials=pika.PlainCredentials(self.what["user"], self.what["password"] or ""),
            connection_attempts=1,
            socket_timeout=CONNECT if timeout == PATIENCE else timeout,
            stack_timeout=2 * timeout,
            blocked_connection_timeout=timeout,
            heartbeat=1 if timeout == PATIENCE else 60,
            tcp_options={"TCP_USER_TIMEOUT": int(1000 * timeout)},
            ssl_options=pika.SSLOptions(self.tls, self._brokers[0][1]) if self.tls else None,
        )

    def _declare(self, channel: Any) -> None:
        channel.queue_declare(self.what["queue"], durable=True, arguments={"x-queue-type": self.what["queue_type"]})

    def _drain(self, channel: Any) -> Set[int]:
        """Look at everything. What is not acknowledged to the broker goes back when the connection ends."""
        queue, texts = self.what["queue"], []  # type: str, List[bytes]
        # Without a number a quorum queue hands out 2,000 and waits for acknowledgements.
        channel.basic_qos(prefetch_count=MANY)
        for _method, _properties, text in channel.consume(queue, auto_ack=False, inactivity_timeout=PATIENCE):
            if text is None:
                break
            texts.append(text)
        # That nothing came for a while is not the end, nor what it hands out at once: only the broker knows that.
        while True:
            text = channel.basic_get(queue, auto_ack=False)[2]
            if text is None:
                break
            texts.append(text)
        parts = [text.decode("utf-8", "replace").rpartition(":") for text in texts]
        return {int(number) for run, _colon, number in parts if run == self.run and number.isdigit()}


KINDS: Dict[str, Type[Client]] = {"sql": Sql, "redis": Redis, "amqp": Amqp, "http": Http}


def _said(error: Union[BaseException, str]) -> str:
    """An error in a few words, without what differs from one time to the next."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text[:160]


def _pieces(items: List[Any], size: int = 1000) -> List[List[Any]]:
    return [items[start : start + size] for start in range(0, len(items), size)]
