#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A camera at rtsp://127.0.0.1:PORT/camera that plays a recording once for each caller: rtsp_camera.py FILE [PORT]

Prints the port as soon as it listens. Exits with 77 without gir1.2-gst-rtsp-server-1.0.
"""
import sys

try:
    import gi
    gi.require_version("Gst", "1.0")
    gi.require_version("GstRtspServer", "1.0")
    from gi.repository import GLib, Gst, GstRtspServer
except (ImportError, ValueError) as problem:
    print(f"needs gir1.2-gst-rtsp-server-1.0: {problem}", file=sys.stderr)
    sys.exit(77)


def main(recording, port="0"):
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(f"( filesrc location={recording} ! avidemux ! jpegdec ! videoconvert ! vp8enc deadline=1 "
                       "cpu-used=8 target-bitrate=2000000 ! rtpvp8pay name=pay0 )")
    server.get_mount_points().add_factory("/camera", factory)
    if not server.attach(None):
        sys.exit(f"port {port} is taken")
    print(server.get_bound_port(), flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main(*sys.argv[1:])
