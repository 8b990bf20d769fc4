"""Notices: who is told what a night found, once each, and the pings that turn a monitor red when drcheck itself stops."""
