"""The dialer process: owns servers, keeps a bridge for each, wakes at NOTIFY."""

from .process import Process
