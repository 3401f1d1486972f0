#pragma once

// Whether a registry that left questions unanswered is worth asking further: one item that it cannot serve (500 for a
// manifest whose file was cut off) says nothing of the next, and a registry that is away answers for none.
//
// goes_on_without() is told each failure, broken() each answer. After failures_max in a row the control question
// decides, one that every registry answers that is there: then it goes on, else nothing more is to be asked. Whoever
// asks beside others asks its own, so that a registry that is away is asked failures_max questions, and one and the
// control question by each who asks at once. What is this site's own trouble ends it at once. One executor; the control
// question must outlive the call.

#include <boost/asio/awaitable.hpp>
#include <functional>

#include "engine/vain_waits.h"
#include "storage/env/result.h"

namespace longshore::engine {

class silence {
 public:
  static constexpr int failures_max = 12;  // in a row: more than are asked at once

  void broken() {
    failures_in_a_row_ = 0;
    waits_.answered();
  }
  boost::asio::awaitable<bool> goes_on_without(errc answer,
                                               const std::function<boost::asio::awaitable<bool>()>& answers_control);

  // What was waited for in vain, which who asks counts: what is asked once more is one question.
  vain_waits& waits() { return waits_; }

 private:
  int failures_in_a_row_ = 0;
  vain_waits waits_;
};

}  // namespace longshore::engine
