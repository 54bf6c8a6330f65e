package wasi

// Functions are the imports a guest may have: all of preview 1, bound to w.
// There are no sockets, so what takes one says that it got something else.
func (w *World) Functions() []Func {
	if w.fds == nil {
		w.begin()
	}
	call := func(f func([]byte, []uint64) Errno) func([]byte, []uint64) (Errno, error) {
		return func(mem []byte, a []uint64) (Errno, error) {
			w.files.now = w.clock.now()
			return f(mem, a), nil
		}
	}
	fs := []Func{
		f("proc_exit", "i", w.leave),
		f("random_get", "ii", w.draw),
	}
	fs[0].Results = nil
	for _, t := range w.table() {
		fs = append(fs, f(t.name, t.params, call(t.call)))
	}
	return fs
}

type row struct {
	name, params string // of i (i32) and I (i64)
	call         func([]byte, []uint64) Errno
}

func (w *World) table() []row {
	return []row{
		{"args_sizes_get", "ii", w.argSizes},
		{"args_get", "ii", w.args},
		{"environ_sizes_get", "ii", w.envSizes},
		{"environ_get", "ii", w.env},
		{"clock_res_get", "ii", resolution},
		{"clock_time_get", "iIi", w.time},
		{"poll_oneoff", "iiii", w.poll},
		{"sched_yield", "", answer(Success)},
		{"proc_raise", "i", answer(Nosys)},

		{"fd_advise", "iIIi", w.advise},
		{"fd_allocate", "iII", w.allocate},
		{"fd_close", "i", w.close},
		{"fd_datasync", "i", w.sync},
		{"fd_fdstat_get", "ii", w.stat},
		{"fd_fdstat_set_flags", "ii", w.setFlags},
		{"fd_fdstat_set_rights", "iII", w.setRights},
		{"fd_filestat_get", "ii", w.fileStat},
		{"fd_filestat_set_size", "iI", w.setSize},
		{"fd_filestat_set_times", "iIIi", w.fileTimes},
		{"fd_pread", "iiiIi", w.pread},
		{"fd_prestat_dir_name", "iii", w.prestatName},
		{"fd_prestat_get", "ii", w.prestat},
		{"fd_pwrite", "iiiIi", w.pwrite},
		{"fd_read", "iiii", w.readSome},
		{"fd_readdir", "iiiIi", w.readdir},
		{"fd_renumber", "ii", w.renumber},
		{"fd_seek", "iIii", w.seek},
		{"fd_sync", "i", w.sync},
		{"fd_tell", "ii", w.tell},
		{"fd_write", "iiii", w.write},

		{"path_create_directory", "iii", w.createDirectory},
		{"path_filestat_get", "iiiii", w.pathStat},
		{"path_filestat_set_times", "iiiiIIi", w.pathTimes},
		{"path_link", "iiiiiii", w.hardLink},
		{"path_open", "iiiiiIIii", w.open},
		{"path_readlink", "iiiiii", w.readLink},
		{"path_remove_directory", "iii", w.removeDirectory},
		{"path_rename", "iiiiii", w.rename},
		{"path_symlink", "iiiii", w.symlink},
		{"path_unlink_file", "iii", w.unlinkFile},

		{"sock_accept", "iii", w.socket},
		{"sock_recv", "iiiiii", w.socket},
		{"sock_send", "iiiii", w.socket},
		{"sock_shutdown", "ii", w.socket},
	}
}

// f is a function that answers an Errno. Its Call sees 32 bits of an i32.
func f(name, params string, call func([]byte, []uint64) (Errno, error)) Func {
	p := make([]byte, len(params))
	for n, c := range params {
		p[n] = i32
		if c == 'I' {
			p[n] = i64
		}
	}
	return Func{Name: name, Params: p, Results: []byte{i32}, Call: func(mem []byte, a []uint64) (Errno, error) {
		for n, t := range p {
			if t == i32 {
				a[n] &= 0xffffffff
			}
		}
		return call(mem, a)
	}}
}

func answer(e Errno) func([]byte, []uint64) Errno {
	return func([]byte, []uint64) Errno { return e }
}

// socket is what a descriptor says that is none.
func (w *World) socket(_ []byte, a []uint64) Errno {
	if _, e := w.fd(a[0]); e != Success {
		return e
	}
	return Notsock
}
