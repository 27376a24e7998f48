#!/usr/bin/python3
"""SyncEvolution's SyncML server behind HTTP on the loopback interface.

SyncEvolution's engine is the program syncevo-dbus-server, which takes SyncML messages over D-Bus.
Debian's HTTP front end for it cannot be started as packaged and listens on every interface, so
this is another one: it starts a private bus and the engine, prints

    listening on http://127.0.0.1:PORT/syncevolution

and hands each POST to the engine and the engine's reply to the client, one request at a time and
one session at a time, as the engine works too. It ends, and takes bus and engine with it, when its
standard input is closed.

usage: syncevolution_http.py [--wire DIR]     DIR gets every message body, numbered

Needs Debian's python3-gi, dbus-daemon and syncevolution-dbus.
"""
import argparse
import itertools
import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

from gi.repository import Gio, GLib

ENGINE = "/usr/libexec/syncevo-dbus-server"
NAME = "org.syncevolution"
START_SECONDS = 20


class Engine:
    """The engine and the one connection that it has with the client of the moment."""

    def __init__(self, bus, log):
        self.bus = bus
        # What a session asks of a person goes through further services; none is there to answer.
        self.process = subprocess.Popen(
            [ENGINE, "--duration=unlimited", "--no-syslog", "--stdout", "--verbosity=2"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.path = None       # the connection's object path
        self.session = None    # its session id, as the engine puts it into RespURI
        self.reply = None      # (content type, body) of the message being processed
        self.failed = None     # why there will be no reply
        self.last = None       # (session, request body, reply): for a request sent twice
        for signal in ("Reply", "Abort"):
            bus.signal_subscribe(NAME, NAME + ".Connection", signal, None, None,
                                 Gio.DBusSignalFlags.NONE, self.on_signal)

    def wait_for_name(self):
        gone = []
        GLib.timeout_add_seconds(START_SECONDS, lambda: gone.append(True))
        context = GLib.MainContext.default()
        while not self.has_owner():
            if gone or self.process.poll() is not None:
                sys.exit("syncevo-dbus-server did not start")
            GLib.timeout_add(50, lambda: False)
            context.iteration(True)

    def has_owner(self):
        return self.bus.call_sync(
            "org.freedesktop.DBus", "/", "org.freedesktop.DBus", "NameHasOwner",
            GLib.Variant("(s)", (NAME,)), None, Gio.DBusCallFlags.NONE, -1, None).unpack()[0]

    def call(self, path, interface, method, arguments):
        answer = self.bus.call_sync(NAME, path, NAME + "." + interface, method, arguments, None,
                                    Gio.DBusCallFlags.NONE, GLib.MAXINT, None)
        return answer.unpack() if answer else ()

    def on_signal(self, _bus, _sender, path, _interface, signal, arguments):
        if path != self.path:
            return
        if signal == "Abort":
            self.path = None
            self.failed = "the engine gave the session up"
            return
        data, content_type, _meta, final, session = (
            arguments.get_child_value(i) for i in range(5))
        body = data.get_data_as_bytes().get_data() or b""
        if body:
            self.reply = (content_type.get_string(), body)
            self.session = session.get_string()
        if final.get_boolean():
            self.close(True)
            self.failed = "the session is over"

    def close(self, normally):
        if not self.path:
            return
        path, self.path = self.path, None
        try:
            self.call(path, "Connection", "Close", GLib.Variant("(bs)", (normally, "")))
        except GLib.Error:
            pass  # it may have gone by itself

    def exchange(self, url, session, content_type, body):
        """The engine's answer to one message, as (HTTP status, content type, body)."""
        if session and self.last and self.last[:2] == (session, body):
            return (200, *self.last[2])
        if session and (session != self.session or not self.path):
            return 404, "text/plain", b"no such session\n"
        self.reply = self.failed = None
        try:
            if not session:
                self.close(False)
                details = {"description": "syncevolution_http.py", "transport": "HTTP",
                           "config": "", "URL": url}
                self.path, = self.call("/org/syncevolution/Server", "Server", "Connect",
                                       GLib.Variant("(a{ss}bs)", (details, True, "")))
            # as a whole: byte by byte a message of 150 kB takes a second
            data = GLib.Variant.new_from_bytes(
                GLib.VariantType("ay"), GLib.Bytes.new(body), True)
            self.call(self.path, "Connection", "Process",
                      GLib.Variant.new_tuple(data, GLib.Variant("s", content_type)))
        except GLib.Error as error:
            self.close(False)
            return 500, "text/plain", (error.message + "\n").encode()
        context = GLib.MainContext.default()
        while not self.reply and not self.failed:
            context.iteration(True)
        if not self.reply:
            return 500, "text/plain", (self.failed + "\n").encode()
        self.last = (self.session, body, self.reply)
        return (200, *self.reply)


class Handler(BaseHTTPRequestHandler):
    engine = None
    url = None
    wire = None
    number = itertools.count(1)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        session = parse_qs(urlsplit(self.path).query).get("sessionid", [None])[0]
        number = next(self.number)
        self.keep("%03d_request" % number, body)
        # through a proxy, clients are to go on through it
        host = self.headers.get("Host")
        url = "http://%s/syncevolution" % host if host else self.url
        status, content_type, answer = self.engine.exchange(
            url, session, self.headers.get("Content-Type", ""), body)
        self.keep("%03d_answer_%d" % (number, status), answer)
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def keep(self, name, body):
        if self.wire:
            with open(os.path.join(self.wire, name), "wb") as out:
                out.write(body)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--wire")
    wire = options.parse_args().wire

    # This bus ends with the process that started it, however that one ends.
    private = Gio.TestDBus.new(Gio.TestDBusFlags.NONE)
    private.up()
    os.environ["DBUS_SESSION_BUS_ADDRESS"] = private.get_bus_address()
    bus = Gio.DBusConnection.new_for_address_sync(
        private.get_bus_address(),
        Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT
        | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION, None, None)
    bus.set_exit_on_close(False)
    engine = Engine(bus, sys.stderr)
    engine.wait_for_name()

    http = HTTPServer(("127.0.0.1", 0), Handler)
    Handler.engine = engine
    Handler.url = "http://127.0.0.1:%d/syncevolution" % http.server_address[1]
    Handler.wire = wire

    def on_request(*_):
        http.handle_request()
        return True

    def on_stdin_closed(*_):
        engine.process.terminate()
        engine.process.wait()
        private.down()
        os._exit(0)

    GLib.io_add_watch(http.fileno(), GLib.PRIORITY_DEFAULT, GLib.IO_IN, on_request)
    GLib.io_add_watch(0, GLib.PRIORITY_DEFAULT, GLib.IO_IN | GLib.IO_HUP, on_stdin_closed)
    print("listening on " + Handler.url, flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
