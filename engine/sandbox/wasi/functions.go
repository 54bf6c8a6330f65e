package wasi

// Functions are the imports a guest may have: all of preview 1 except sockets,
// bound to w. Those without a meaning here answer Nosys, or Badf where they
// take a file descriptor, of which only 0, 1 and 2 exist.
func (w *World) Functions() []Func {
	fs := []Func{
		f("args_sizes_get", "ii", none),
		f("args_get", "ii", succeed),
		f("environ_sizes_get", "ii", none),
		f("environ_get", "ii", succeed),
		f("clock_res_get", "ii", func(mem []byte, a []uint64) (Errno, error) {
			if a[0] > 3 {
				return Inval, nil
			}
			return put64(mem, a[1], clockStep), nil
		}),
		f("clock_time_get", "iIi", w.time),
		f("fd_write", "iiii", w.write),
		f("fd_read", "iiii", w.read),
		f("fd_fdstat_get", "ii", w.stat),
		f("fd_seek", "iIii", pipe),
		f("fd_tell", "ii", pipe),
		f("fd_close", "i", standard),
		f("fd_sync", "i", standard),
		f("fd_datasync", "i", standard),
		f("random_get", "ii", w.draw),
		f("sched_yield", "", succeed),
		{Name: "proc_exit", Params: []byte{i32}, Call: func(_ []byte, a []uint64) (Errno, error) {
			return 0, Exit{uint32(a[0])}
		}},
	}
	for name, params := range map[string]string{
		"fd_advise": "iIIi", "fd_allocate": "iII", "fd_fdstat_set_flags": "ii", "fd_fdstat_set_rights": "iII",
		"fd_filestat_get": "ii", "fd_filestat_set_size": "iI", "fd_filestat_set_times": "iIIi", "fd_pread": "iiiIi",
		"fd_prestat_get": "ii", "fd_prestat_dir_name": "iii", "fd_pwrite": "iiiIi", "fd_readdir": "iiiIi", "fd_renumber": "ii",
		"path_create_directory": "iii", "path_filestat_get": "iiiii", "path_filestat_set_times": "iiiiIIi",
		"path_link": "iiiiiii", "path_open": "iiiiiIIii", "path_readlink": "iiiiii", "path_remove_directory": "iii",
		"path_rename": "iiiiii", "path_symlink": "iiiii", "path_unlink_file": "iii",
	} {
		fs = append(fs, f(name, params, answer(Badf)))
	}
	return append(fs, f("poll_oneoff", "iiii", answer(Nosys)), f("proc_raise", "i", answer(Nosys)))
}

// f is a function with parameters i (i32) and I (i64) that answers an Errno.
func f(name, params string, call func([]byte, []uint64) (Errno, error)) Func {
	p := make([]byte, len(params))
	for n, c := range params {
		p[n] = i32
		if c == 'I' {
			p[n] = i64
		}
	}
	return Func{Name: name, Params: p, Results: []byte{i32}, Call: call}
}

func answer(e Errno) func([]byte, []uint64) (Errno, error) {
	return func([]byte, []uint64) (Errno, error) { return e, nil }
}

func succeed([]byte, []uint64) (Errno, error) { return Success, nil }

// none is args_sizes_get(count, size) and its like: nothing, of no length.
func none(mem []byte, a []uint64) (Errno, error) {
	return max(put32(mem, a[0], 0), put32(mem, a[1], 0)), nil
}

// pipe is what the standard streams say to a seek.
func pipe(_ []byte, a []uint64) (Errno, error) {
	if a[0] > 2 {
		return Badf, nil
	}
	return Spipe, nil
}

func standard(_ []byte, a []uint64) (Errno, error) {
	if a[0] > 2 {
		return Badf, nil
	}
	return Success, nil
}
