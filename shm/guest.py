"""Guests: hot functions as other hot functions see them. Typed and lowered, but neither optimised nor made executable.

```
numba:  every function    types -> IR -> link callees -> optimise all -> machine code -> wrapper for Python
here:   a guest           types -> IR
        what Python calls types -> IR -> link all guests, down to the last -> optimise once -> machine code -> wrapper
```

A role's step calls some two hundred hot functions, of which Python calls only the loop. numba would optimise and emit
each of them with everything that it calls: more than half of the time to compile a role.
"""

import os
import pickle
from functools import cached_property

from llvmlite import binding
from numba.core import types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, CompileResult, DefaultPassBuilder
from numba.core.compiler_lock import require_global_compiler_lock
from numba.core.compiler_machinery import PassManager, register_pass
from numba.core.registry import CPUDispatcher
from numba.core.runtime import rtsys
from numba.core.serialize import dumps
from numba.core.typed_passes import NativeLowering

from shm.code_store import CodeStore

# --- libraries -----------------------------------------------------------------------------------------------------


class Entry:
    """Key of a guest in numba's table of functions; it cannot be called."""


class GuestLibrary(JITCodeLibrary):
    """The IR of one guest, and the libraries that it calls."""

    def finalize(self):
        """Nothing to optimise yet: the IR waits for a library that is executed."""
        require_global_compiler_lock()
        self._raise_if_finalized()
        self._finalize_dynamic_globals()
        self._finalized = True

    def _get_module_for_linking(self):
        self._ensure_finalized()
        if self._shared_module is None:
            for function in self._final_module.functions:
                if not function.is_declaration and function.linkage == binding.Linkage.external:
                    function.linkage = "linkonce_odr"
            self._shared_module = self._final_module
        return self._shared_module


def callees_of(library) -> list:
    """Every library that `library` needs, down to the last, each once."""
    found, todo = {}, list(library._linking_libraries)
    while todo:
        callee = todo.pop()
        if id(callee) not in found:
            found[id(callee)] = callee
            if isinstance(callee, GuestLibrary):
                todo.extend(callee._linking_libraries)
    return list(found.values())


class HostLibrary(JITCodeLibrary):
    """Code that is executed: links its guests and theirs, then optimises everything at once."""

    def finalize(self):
        """Link, optimise, emit."""
        self._linking_libraries = callees_of(self)
        super().finalize()


# --- compilers -----------------------------------------------------------------------------------------------------


@register_pass(mutates_CFG=True, analysis_only=False)
class GuestLowering(NativeLowering):
    """From types to IR, and no further."""

    _name = "quintet_guest_lowering"

    def run_pass(self, state):
        """As numba's pass, with another library and an entry that cannot be called."""
        state.library = GuestLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        state.flags.no_compile = True
        state.flags.no_cpython_wrapper = True
        super().run_pass(state)
        entry = Entry()
        state.targetctx.insert_user_function(entry, state.cr.fndesc, [state.library])
        state.cr = state.cr._replace(cfunc=entry)
        return True


@register_pass(mutates_CFG=True, analysis_only=False)
class HostLowering(NativeLowering):
    """From types to machine code, callees included."""

    _name = "quintet_host_lowering"

    def run_pass(self, state):
        """As numba's pass, with another library."""
        state.library = HostLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()
        return super().run_pass(state)


def _pipeline(state, name: str, lowering) -> list[PassManager]:
    manager = PassManager(name)
    for step, text in DefaultPassBuilder.define_nopython_pipeline(state).passes:
        manager.add_pass(lowering if step is NativeLowering else step, text)
    manager.finalize()
    return [manager]


class GuestCompiler(CompilerBase):
    """numba's pipeline with GuestLowering."""

    def define_pipelines(self):
        """Called by numba."""
        return _pipeline(self.state, "quintet_guest", GuestLowering)


class HostCompiler(CompilerBase):
    """numba's pipeline with HostLowering."""

    def define_pipelines(self):
        """Called by numba."""
        return _pipeline(self.state, "quintet_host", HostLowering)


# --- functions -----------------------------------------------------------------------------------------------------


class GuestStore(CodeStore):
    """A guest on disk: its IR and that of everything it calls, for whoever is compiled in another process."""

    def __init__(self, function):
        super().__init__(function, ".guest")

    def reduce(self, result) -> bytes:
        """IR as one module, and the types."""
        module = result.library._get_module_for_linking().clone()
        for library in callees_of(result.library):
            if library is not rtsys.library:  # every host brings it
                module.link_in(library._get_module_for_linking(), preserve=True)
        result.fndesc.typemap = result.fndesc.calltypes = None  # needed no more, and not to be pickled
        return dumps((result.library.name, module.as_bitcode(), result.fndesc, result.environment, result.signature))

    def rebuild(self, target_context, content: bytes):
        """A compile result whose library can be linked."""
        name, bitcode, fndesc, environment, signature = pickle.loads(content)
        library = GuestLibrary(target_context.codegen(), name)
        library._final_module = binding.parse_bitcode(bitcode)
        library.finalize()
        return CompileResult(
            target_context=target_context,
            typing_context=target_context.typing_context,
            library=library,
            environment=environment,
            entry_point=Entry(),
            fndesc=fndesc,
            type_annotation="",
            signature=signature,
            objectmode=False,
            lifted=(),
            typing_error=None,
            call_helper=None,
            metadata=None,
            reload_init=(),
            referenced_envs=(),
        )


class Guest(CPUDispatcher):
    """One function for callers that are hot themselves."""

    def add_overload(self, cres):
        """Known to callers in compiled code only."""
        self.overloads[tuple(cres.signature.args)] = cres


class Host(CPUDispatcher):
    """One function for Python; other hot functions are handed its guest.

    Calls from hot functions see int64 where a constant stands: numba would compile one body for each constant. The step
    of feed_handler was 160 compilations with, and is 95 without. LLVM still inlines and folds the constants.
    """

    def __init__(self, function, options: dict, stored: bool):
        super().__init__(function, targetoptions=dict(options), pipeline_class=HostCompiler)
        self._options = options
        self._stored = stored and os.path.exists(function.__code__.co_filename)  # not what was typed at a prompt
        if self._stored:
            self._cache = CodeStore(function)

    @cached_property
    def guest(self) -> Guest:
        """Made for its first caller: a start with a warm cache has none."""
        made = Guest(self.py_func, targetoptions=dict(self._options), pipeline_class=GuestCompiler)
        if self._stored:
            made._cache = GuestStore(self.py_func)
        return made

    def get_call_template(self, args, kws):
        """What numba asks when another function calls this one."""
        args = tuple(types.unliteral(arg) for arg in args)
        return self.guest.get_call_template(args, {name: types.unliteral(arg) for name, arg in kws.items()})

    def get_overload(self, sig):
        """The key of the guest's code."""
        return self.guest.get_overload(sig)
