"""Backends of the frame seam: sockets of the kernel, and a wire in memory. Frames in, frames out, nothing decoded.

A role holds one `FramePort` for each direction and kind of socket (`port_in`, `port_out`); `poll_in(state)` fills the
first and `poll_out(state)` empties the second. Which backend does it is the layout's choice, not the role's.
"""
