"""Which frames of a stack say nothing about the bug: tables of pattern and reason, one for each language.

There are two filters. `kept` is exact and makes the trace that grouping compares and the crash line. `of_state` is the
broad one of ClusterFuzz's vocabulary and makes the three lines of the state; it drops by prefix (`new…`, `main…`,
`…assert…`) and reads the whole text of a frame, its file and module included.

>>> from seatrial.clearinghouse.crash.report import Frame
>>> kept(Frame(0, function="free_node", file="a.c"), "c"), kept(Frame(0, function="free"), "c")
(True, False)
>>> of_state("free_node a.c:3")
False
>>> reason(Frame(0, function="__interceptor_strcpy.part.0"), "c")
'sanitizer runtime'
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seatrial.clearinghouse.crash.report import Frame

_Table = tuple[tuple[str, str], ...]

_SANITIZER = (
    r"_{0,2}(?:asan|hwasan|lsan|msan|tsan|ubsan|sanitizer|interceptor|dfsan|kasan|kmsan|kcsan|sancov)_.*"
    r"|___interceptor_.*|__(?:asan|hwasan|lsan|msan|tsan|ubsan|sanitizer|interception)::.*"
    r"|(?:asan|msan|tsan)\.module_[cd]tor|wrap_\w+|operator_new_impl.*"
)
_DRIVER = (
    r"fuzzer::.*|LLVMFuzzerRunDriver|ExecuteFilesOnyByOne|RunOneTest|rust_fuzzer_test_input|libfuzzer_sys::.*"
    r"|__?afl_\w+|afl::.*|honggfuzz::.*|(?:Honggfuzz|Hongg|hf)\w*RunOneInput|fuzztest::internal::.*|centipede::.*"
)
_ABORT = (
    r"(?:__)?(?:GI_)?(?:raise|gsignal|abort|pthread_kill|tgkill|kill|_exit|exit)|__GI_.*"
    r"|__pthread_kill(?:_implementation|_internal)?|__assert_\w+|__assert|__libc_(?:message|fatal|assert_fail)\w*"
    r"|__fortify_fail\w*|__chk_fail|__stack_chk_fail\w*|malloc_printerr|malloc_consolidate|_int_(?:free|malloc|realloc)"
    r"|__(?:abort_msg|run_exit_handlers)|__cxa_(?:throw|rethrow|call_unexpected|call_terminate|pure_virtual)"
    r"|demangling_terminate_handler|std::(?:terminate|__terminate|abort)|__cxxabiv1::.*"
    r"|__gnu_cxx::__verbose_terminate\w*"
    r"|_ZSt9terminatev|__restore_rt|killpg|__kernel_vsyscall|<signal handler called>"
)
_STRINGS = (
    r"(?:__)?(?:mem(?:cpy|move|set|cmp|chr|rchr|mem|pcpy|ccpy)|str(?:len|nlen|cpy|ncpy|cat|ncat|cmp|ncmp|casecmp"
    r"|ncasecmp|chr|rchr|str|dup|ndup|tok|spn|cspn|pbrk)|stpcpy|stpncpy|bcmp|bcopy|bzero|wcslen|wmemcpy)"
    r"(?:_chk|_(?:s?sse|avx|erms|evex|generic|ifunc|unaligned|advsimd)\w*)?|__(?:mem|str)\w+_(?:avx|sse|evex|erms)\w*"
    r"|v?s?n?printf|printf_common|__v?f?printf\w*|__vfprintf_internal|MemcmpInterceptorCommon.*|StrstrCheck.*"
)
_ALLOCATOR = (
    r"(?:__libc_)?(?:malloc|calloc|realloc|free|cfree|memalign|posix_memalign|aligned_alloc|valloc"
    r"|pvalloc|reallocarray)"
    r"|operator (?:new|delete)(?:\[\])?|(?:je|tc|mi|mallocx|rallocx)_\w+|xmalloc|xcalloc|xrealloc"
    r"|xstrdup|g_(?:malloc|free)\w*"
    r"|mozalloc_\w+|__rust_(?:alloc|dealloc|realloc|alloc_zeroed)|__rdl_\w+|__rg_\w+|do_(?:mmap|munmap)"
)
_ENTRY = (
    r"_?main|wmain|WinMain|_start|__libc_start_\w+|__libc_init|start_thread|__?clone[23]?"
    r"|thread_start|_dl_\w+|call_init"
    r"|__scrt_\w+|RtlUserThreadStart|BaseThreadInitThunk|invoke_main|__libc_csu_init|asan_thread_start.*"
)
_LIBRARIES = re.compile(
    r"(?:.*/)?(?:libc|libpthread|ld-linux[\w-]*|libstdc\+\+|libc\+\+|libc\+\+abi|libgcc_s|libasan"
    r"|libubsan|libtsan|ld)(?:-[\d.]+)?\.so(?:[.\d]*)"
)
_RUNTIME_FILES = (
    r".*/(?:compiler-rt|libsanitizer|sanitizer_common|lib/(?:asan|hwasan|msan|tsan|ubsan|lsan|fuzzer))/.*"
    r"|.*/FuzzedDataProvider\.h|.*/memorycmp\.c"
)

C: _Table = (
    (_SANITIZER, "sanitizer runtime"),
    (_DRIVER, "fuzz driver"),
    (_ABORT, "how the process was ended"),
    (_STRINGS, "memory and string calls: the bug is in the caller"),
    (_ALLOCATOR, "allocator"),
    (_ENTRY, "entry of a program or thread"),
    (r"\?\?|<null>|<unknown.*>|\[vdso\]|linux-gate.*", "no symbol"),
)
KERNEL: _Table = (
    (_SANITIZER, "sanitizer runtime"),
    (
        (r"_*dump_stack\w*|show_stack|show_trace\w*|dump_backtrace|unwind_\w+|arch_stack_walk"
        r"|stack_trace_save|save_stack\w*"
        r"|print_(?:address_description|report|trailer|unlock_imbalance_bug|circular_bug|deadlock_bug|usage_bug).*"
        r"|object_err|slab_err|end_report|report_(?:bug|ubsan)\w*|check_memory_region\w*|kcsan_\w+|kmsan_\w+|ubsan_\w+"
        r"|__ubsan_\w+|val_to_string.*|set_track\w*|memset_orig|assign_lock_key|register_lock_class|__lock_acquire"
        r"|lock_acquire\w*|lock_release\w*|validate_chain|check_prev\w*|mark_lock\w*|debug_\w+|lockdep_\w+|_*might_\w+|__schedule_bug|print_\w+_bug|_printk"
        r"|printk|vprintk\w*"),
        "the kernel's own reports",
    ),
    (
        (r"_*panic|die\w*|oops_\w+|no_context|bad_area\w*|__bad_area\w*|page_fault_oops|do_(?:user_addr_fault|page_fault"
        r"|kern_addr_fault|error_trap|trap|invalid_op|divide_error|general_protection|int3|mem_abort|translation_fault)"
        r"|exc_\w+|asm_exc_\w+|handle_bug|fixup_bug\w*|async_page_fault|page_fault|general_protection"
        r"|invalid_op|divide_error"
        r"|error_entry|__do_kernel_fault|el1\w*|el0\w*|do_sp_pc_abort|__warn\w*|warn_slowpath\w*|__stack_chk_fail"
        r"|__report_\w+|nmi_\w+|rcu_(?:check_gp|sched_clock|stall|print)\w*|print_cpu_stall.*"
        r"|check_hung\w*|watchdog\w*"),
        "trap and panic entry",
    ),
    (
        (r"(?:__)?k(?:z|v|vz|m|c|re)?(?:m?alloc|free)\w*|kmem_cache_\w+|__kmalloc\w*|__kmem_cache\w*"
        r"|slab_(?:alloc|free|post_alloc)\w*"
        r"|___?slab_alloc\w*|new_slab\w*|allocate_slab|cache_alloc\w*|__cache_\w+|slab_free_freelist_hook"
        r"|__slab_free|do_slab_free"
        r"|kmemdup\w*|kstrdup\w*|vmalloc\w*|__vmalloc\w*|alloc_pages\w*|__alloc_pages\w*|kvmalloc_\w+"
        r"|qlist_free_all|quarantine_\w+"
        r"|poison_\w+|unpoison_\w+|add_stack_record_to_list"),
        "allocator",
    ),
    (_STRINGS + r"|_*copy_(?:from|to)_user\w*|raw_copy_\w+|_*instrument_\w+|__write_once_size|__read_once_size\w*"
     r"|(?:arch_)?atomic(?:64|_long)?_\w+|test_bit|set_bit|clear_bit|_*refcount_\w+|__list_\w+_valid\w*|_raw_spin_\w+"
     r"|_raw_read_\w+|_raw_write_\w+|do_raw_spin_\w+|queued_\w+|__raw_\w+|spin_lock\w*|native_\w+",
     "memory, atomic and lock primitives: the bug is in the caller"),
    ((r"entry_\w+|do_syscall_\w+|do_(?:int80|fast)_\w+|__?(?:invoke|do)_syscall\w*|invoke_syscall|ret_from_fork\w*|kthread"
     r"|el0_svc\w*|system_call\w*|ret_fast_syscall|asm_sysvec_\w+|irq_exit\w*|secondary_startup_\w+|x86_64_start_\w+"),
     "entry of a system call or thread"),
)  # fmt: skip
KERNEL_LOCK: _Table = (
    *KERNEL,
    ((r"_*schedule\w*|io_schedule\w*|_*(?:ww_)?mutex_\w+|_*down_(?:read|write|interruptible|killable|timeout)?\w*|rwsem_\w+"
     r"|_*wait_(?:for|on|event)\w*|do_wait_for_common|rt_mutex_\w+|percpu_\w*down\w*|_*lock_(?:sock"
     r"|page|buffer)\w*|bit_wait\w*"
     r"|check_noncircular|check_irq_usage|check_deadlock|check_\w*cycles?|spin_\w+|_*up_(?:read|write)\w*"),
     "waits and locks: the bug is in who waits"),
)  # fmt: skip
GO: _Table = (
    (r"runtime\..*|panic|runtime/.*|internal/(?:runtime|abi|bytealg)\..*", "Go runtime"),
    (r"testing\..*|reflect\.Value\.(?:call|Call)|reflect\.\w*(?:call|Call)\w*", "test driver"),
    (r"main\.main|go-fuzz-dep\..*|.*LLVMFuzzerTestOneInput|_cgoexp_.*|.*libfuzzer.*", "entry and fuzz driver"),
    *C[:2], *C[5:],
)  # fmt: skip
RUST: _Table = (
    (
        (r"(?:__rustc::)?_*rust_(?:begin_unwind|panic\w*|start_panic|oom|try\w*|end_short_backtrace"
        r"|begin_short_backtrace|foreign_exception)"
        r"|(?:__rustc::)?__?r(?:ust|dl|g)_\w+|std::panicking::.*|std::panic::.*|panic_(?:abort|unwind)::.*"
        r"|core::panicking::.*|std::process::abort\w*|std::sys::.*|std::sys_common::.*|std::backtrace.*|backtrace::.*"
        r"|core::(?:option|result)::(?:expect_failed|unwrap_failed)|core::(?:option::Option"
        r"|result::Result)(?:<.*>)?::(?:unwrap|expect)\w*"
        r"|core::cell::panic_\w+|core::(?:slice|str)::.*(?:_fail|fail_rt|do_panic.*)"
        r"|core::num::.*panic\w*|alloc::.*(?:handle_error|capacity_overflow|handle_alloc_error).*"),
        "panic machinery",
    ),
    (
        (r"std::rt::.*|core::ops::function::.*|<?.*core::ops::function::FnOnce.*|test::.*|std::thread::.*"),
        "entry and test driver",
    ),
    (
        (r"<?core::.*|<?alloc::.*|<?std::.*|<&?(?:mut )?(?:\[.*|[ui](?:8|16|32|64|128|size)|f32|f64|str"
         r"|bool|char|T) as .*"),
        "standard library, where another frame remains",
    ),
    *C,
)  # fmt: skip
JAVA: _Table = (
    (r"(?:java|javax|jdk|sun)\..*|com\.sun\..*", "class library"),
    (
        (r"com\.code_intelligence\.jazzer\..*|org\.junit\..*|junit\..*|org\.apache\.maven\.surefire\..*"),
        "fuzz and test driver",
    ),
)  # fmt: skip
PYTHON: _Table = (
    (r"TestOneInput|<module>", "entry and fuzz driver, where another frame remains"),
)  # fmt: skip
PYTHON_FILES = r".*/lib/python\d[\d.]*/(?!site-packages|dist-packages).*|<frozen .*|<embedded stdlib>.*|.*/atheris/.*"
JS: _Table = (
    (
        (r"(?:async )?Module\._\w+|Module\.(?:load|require)|require|processTicksAndRejections|process\.\w+"
         r"|node:.*"),
        "Node's own",
    ),
)  # fmt: skip
JS_FILES = r"node:.*|internal/.*|.*/@jazzer\.js/.*|<anonymous>"

_TABLES: dict[str, tuple[_Table, str]] = {
    "c": (C, _RUNTIME_FILES),
    "kernel": (KERNEL, r"(?!)"),
    "kernel-lock": (KERNEL_LOCK, r"(?!)"),
    "go": (GO, r".*/src/runtime/.*"),
    "rust": (RUST, _RUNTIME_FILES + r"|/rustc/.*|.*/rustlib/src/.*"),
    "java": (JAVA, r"(?!)"),
    "python": (PYTHON, PYTHON_FILES),
    "js": (JS, JS_FILES),
}
# What may stay when nothing else does: the library of C++.
_SECONDARY = {"c": re.compile(r"(?:.*\s)?(?:std::|__gnu_cxx::).*")}
_COMPILED = {
    language: (
        tuple((re.compile(pattern), why) for pattern, why in table),
        re.compile("(?:" + "|".join(f"(?:{pattern})" for pattern, _ in table) + ")"),
        re.compile(files),
    )
    for language, (table, files) in _TABLES.items()
}
_SUFFIX = re.compile(r"(?:\.(?:isra|part|cold|constprop|llvm)(?:\.\d{1,20})*)+$")
_PARAMETERS = re.compile(r"(?<![:\s])\((?!anonymous).*$")


def reason(frame: Frame, language: str) -> str:
    """Why a frame is left out of the trace; empty where it is kept."""
    table, _, files = _COMPILED.get(language, _COMPILED["c"])
    name = _plain(frame.function)
    found = next((why for pattern, why in table if name and pattern.fullmatch(name)), "")
    return found or ("file of a runtime" if frame.file and files.fullmatch(frame.file) else "")


DROPPED, LIBRARY, KEPT = 0, 1, 2


def kept(frame: Frame, language: str) -> bool:
    """Whether a frame belongs to the trace."""
    return grade(frame.function, frame.file, frame.module, language) != DROPPED


@lru_cache(maxsize=65536)
def grade(function: str, file: str, module: str, language: str) -> int:
    """`KEPT`, `DROPPED`, or `LIBRARY`: of a library that is left out as long as another frame remains."""
    if not function:
        return KEPT if file or (module and not _LIBRARIES.fullmatch(module)) else DROPPED
    _, names, files = _COMPILED.get(language, _COMPILED["c"])
    if names.fullmatch(_plain(function)) or (file and files.fullmatch(file)):
        return DROPPED
    pattern = _SECONDARY.get(language)
    return LIBRARY if pattern is not None and pattern.fullmatch(function) else KEPT


def _plain(function: str) -> str:
    name = _SUFFIX.sub("", function[:1024])
    return _PARAMETERS.sub("", name) if name.endswith((")", "const", "]")) and not name.startswith("(") else name


# The broad filter of the state, by the way in which a pattern is read: from the start of the frame's text.

_STATE_EXACT = (
    r"(?:abort|exit|pthread_(?:create|kill)|raise|tgkill|__chk_fail|__fortify_fail|panic|<unknown>|\[vdso\])$"
)
_STATE_STARTS = (
    r"(?:__)?(?:aeabi_|mem(?:cmp|cpy|move|set)|str(?:cmp|cpy|dup|len|ncpy))"
    r"|_{0,2}(?:asan|hwasan|lsan|msan|tsan|ubsan|sanitizer)_(?!_)"
    r"|__(?:asan|hwasan|lsan|msan|tsan|ubsan|sanitizer)::|asan\.module_[cd]tor"
    r"|__(?:assert_|cxa_(?:atexit|rethrow|throw)|dump_stack|GI_|interceptor_|kasan_|libc_"
    r"|pthread_kill|run_exit_handlers"
    r"|rust_(?:try|start_panic)|scrt_common_main_seh|zx_panic)"
    r"|_\$LT\$|_L_unlock_|_objc_terminate|_start|_swift_stdlib_|_etext"
    r"|<null>|<libclang_rt\.asan\.so>|linux-gate\.so.*$"
    r"|Abort\(|CFCrash|CrashTrampolineAsm|ExitCallback|IsSandboxedProcess|LLVMFuzzerTestOneInput|MSanAtExitWrapper|New"
    r"|RaiseException|SbSystemBreakIntoDebugger|SignalAction|SignalHandler|TestOneProtoInput|V8_Fatal|WTF::|WTFCrash"
    r"|X11Error|abort|absl::log_internal::|alloc::|android\.(?:app\.ActivityManagerProxy|os\.Parcel)\."
    r"|art::Thread::CreateNativeThread|blink::ReportV8FatalError|calloc|check_memory_region"
    r"|common_exit|core::fmt::write"
    r"|delete|demangling_terminate_handler|dump_(?:backtrace|stack)|exit_or_terminate_process"
    r"|fpehandler\(|free|fuzzer::"
    r"|g_log|generic_cpp_|gsignal|kasan_|libc_io_functions_not_implemented_use_fdio_instead|libfuzzer_sys::initialize"
    r"|libgcc_s.so|main|malloc|mozalloc_|new|object_err|operator|panic_abort::|print_(?:address_description|trailer)"
    r"|realloc|runtime\.|rust_(?:begin_unwind|fuzzer_test_input|oom|panic)|scanf|show_stack"
    r"|std::(?:__terminate|io::Write::write_fmt|panic|process::abort|sys::unix::abort|sys_common::backtrace)"
    r"|syslog::LogMessage|v8::api_internal::ToLocalEmpty|c:/clusterfuzz/bot/build"
)
_STATE_HOLDS = (
    r"ASAN_OnSIGSEGV|BaseThreadInitThunk|DebugBreak|DefaultDcheckHandler|ForceCrashOnSigAbort"
    r"|MemoryProtection::CMemoryProtector|PartitionAlloc|Rtl(?:FreeHeap|InitializeExceptionChain|ReportCriticalFailure"
    r"|UserThreadStart|pHeapHandleError|pLogHeapFailure)|SkDebugf|StackDumpSignalHandler|__android_log_assert"
    r"|__tmainCRTStartup|_asan_rtl_|agent::asan::|allocator_shim|asan_(?:Heap|check_access|osx_dynamic\.dylib)|assert"
    r"|base::(?:FuzzedDataProvider|allocator|android::CheckException"
    r"|debug::(?:BreakDebugger|CollectStackTrace|StackTrace::StackTrace))|ieee754-|libpthread|logger"
    r"|logging::(?:CheckError|ErrnoLogMessage|LogMessage)|stdext::exception::what|v8::base::OS::Abort"
    r"|fuzztest::internal::| base/callback| /rustc?/|/AOSP-toolchain/|/bindings/ToV8\.h|/crosstool/"
    r"|/gcc/|/glibc-|/jemalloc/"
    r"|/libc\+\+|/libc/|/llvm-build/|/minkernel/crts/|/sanitizer_common/|/tcmalloc/|/vc/include/|/vctools/crt/"
    r"|/win_toolchain/|libc\+\+/|/memorycmp\.c|\+Unknown|<unknown module>|Inline Function @"
)
_STATE_START = re.compile(rf"{_STATE_EXACT}|{_STATE_STARTS}")
_STATE_HOLD = re.compile(_STATE_HOLDS)
_STATE_LIBRARY = re.compile(r"libc(?:\+\+)?\.so|libc\+\+_shared\.so|libstdc\+\+\.so|libc-.*\.so")
_MIN_TEXT = 3  # shorter texts are no name


def of_state(text: str, *, symbolized: bool = True) -> bool:
    """Whether a frame counts for the state; `text` is the frame behind its number and address."""
    if len(text) < _MIN_TEXT:
        return False
    text = text.replace("\\", "/")
    if _STATE_START.match(text) or _STATE_HOLD.search(text):
        return False
    return not (symbolized and _STATE_LIBRARY.search(text))
